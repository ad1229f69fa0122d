// Dialogs that change the name and the tags of a sweep, and that delete it.

import { request } from "./api.js";
import { byId, showText } from "./dom.js";
import { messageOf, showFormErrors } from "./errors.js";
import { readField, writeField } from "./fields.js";
import { ROOT } from "./root.js";

/**
 * Attach to the buttons Edit and Delete of the page, and to their dialogs.
 * @param {string} path Path of the sweep.
 * @param {import("./live.js").LiveSweep} live
 */
export function offerEdits(path, live) {
  const fields = { name: byId("edit-name"), tags: byId("edit-tags") };
  /** @type {any} The text of each field when the dialog was opened. */
  const before = {};
  const show = (/** @type {unknown} */ problem) => showFormErrors(byId("edit-form"), byId("edit-error"), problem);
  byId("edit").addEventListener("click", () => {
    show(null);
    for (const [name, field] of Object.entries(fields)) {
      writeField(field, live.sweep[name]);
      before[name] = field.value;
    }
    byId("edit-dialog").showModal();
  });
  byId("edit-form").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    // What was not edited is not sent, so that it stays exactly as it is.
    const edited = Object.entries(fields).filter(([name, field]) => field.value !== before[name]);
    if (!edited.length) return byId("edit-dialog").close();
    /** @type {any} */
    const none = { name: null, tags: {} };
    const body = Object.fromEntries(edited.map(([name, field]) => [name, readField(field) ?? none[name]]));
    try {
      live.set(await (await request(path, { method: "PATCH", body })).json());
      byId("edit-dialog").close();
    } catch (problem) {
      show(problem);
    }
  });
  byId("delete").addEventListener("click", () => {
    showText(byId("delete-error"), "");
    byId("delete-dialog").showModal();
  });
  byId("confirm-delete").addEventListener("click", async () => {
    try {
      await request(path, { method: "DELETE" });
      location.assign(`${ROOT}/ui`);
    } catch (problem) {
      showText(byId("delete-error"), messageOf(problem));
    }
  });
}

// Dialogs that change the name and the tags of a sweep, and that delete it.

import { request } from "../common/api.js";
import { byId, showText } from "../common/dom.js";
import { messageOf, onSubmit, showFormErrors } from "../common/errors.js";
import { readField, writeField } from "../common/fields.js";
import { ROOT } from "../common/root.js";

/**
 * Attach to the dialog that changes the name and the tags of a sweep.
 * @param {string} path Path of the sweep.
 * @param {import("../live/live.js").LiveSweep} live
 * @returns {() => void} Opens the dialog.
 */
export function offerEdit(path, live) {
  const [dialog, form] = [byId("edit-dialog"), byId("edit-form")];
  const fields = { name: byId("edit-name"), tags: byId("edit-tags") };
  const isEdited = (/** @type {any} */ field) => field.value !== field.defaultValue;
  /** @type {Record<string, string>} The tags when the dialog was opened. */
  let before = {};
  onSubmit(form, async () => {
    // What was not edited is not sent: another client may have changed it since the dialog was opened.
    const body = {
      ...(isEdited(fields.name) && { name: readField(fields.name) ?? null }),
      ...(isEdited(fields.tags) && { tags: changes(before, /** @type {any} */ (readField(fields.tags)) ?? {}) }),
    };
    if (Object.keys(body).length) live.set(await (await request(path, { method: "PATCH", body })).json());
    dialog.close();
  });
  return () => {
    showFormErrors(form, null);
    before = live.sweep.tags;
    for (const [name, field] of Object.entries(fields)) {
      writeField(field, live.sweep[name]);
      field.defaultValue = field.value;
    }
    dialog.showModal();
  };
}

/**
 * Return the tags that differ, as a JSON merge patch: null removes a tag.
 * @param {Record<string, string>} before
 * @param {Record<string, string>} after
 */
const changes = (before, after) => ({
  ...Object.fromEntries(Object.keys(before).flatMap((key) => (key in after ? [] : [[key, null]]))),
  ...Object.fromEntries(Object.entries(after).filter(([key, value]) => value !== before[key])),
});

/**
 * Attach to the dialog that deletes a sweep.
 * @param {string} path Path of the sweep.
 * @returns {() => void} Opens the dialog.
 */
export function offerDeletion(path) {
  byId("confirm-delete").addEventListener("click", async () => {
    try {
      await request(path, { method: "DELETE" });
      location.assign(`${ROOT}/ui`);
    } catch (problem) {
      showText(byId("delete-error"), messageOf(problem));
    }
  });
  return () => {
    showText(byId("delete-error"), "");
    byId("delete-dialog").showModal();
  };
}

// Rows of the list of sweeps.

import { mayChange, maySubmit } from "./caller.js";
import { byId, element, setText } from "./dom.js";
import { describeSweep, formatTime, sweepName } from "./format.js";
import { isFinal } from "./live.js";
import { ROOT } from "./root.js";
import { sparkline } from "./sparkline.js";

/**
 * Create the row of a sweep.
 * @param {any} sweep
 * @param {{selected: boolean, onSelect: (selected: boolean) => void, onDelete: () => void}} options
 */
export function createRow(sweep, { selected, onSelect, onDelete }) {
  const name = sweepName(sweep);
  const checkbox = element("input", { type: "checkbox", "aria-label": `Compare ${name}` });
  checkbox.checked = selected;
  checkbox.addEventListener("change", () => onSelect(checkbox.checked));
  const tags = Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`);
  const linkTo = (/** @type {string} */ tag) => `${ROOT}/ui?${new URLSearchParams([["tag", tag]])}`;
  return element(
    "li",
    {},
    element("div", { class: "select" }, checkbox),
    element(
      "div",
      {},
      element("a", { class: "name", href: `${ROOT}/ui/sweeps/${sweep.id}` }, name),
      element(
        "p",
        {},
        element("span", { class: "status" }),
        " ",
        element("progress", { "aria-label": `Epochs of ${name}` }),
        " ",
        element("span", { class: "muted number" }),
      ),
      element("p", { class: "muted description" }, describeSweep(sweep)),
      element(
        "p",
        { class: "row-actions" },
        element(
          "a",
          { class: "duplicate", href: `${ROOT}/ui?from=${sweep.id}`, "aria-label": `Duplicate ${name}` },
          "Duplicate",
        ),
        element(
          "button",
          { type: "button", class: "link-button delete", "aria-label": `Delete ${name}`, click: onDelete },
          "Delete",
        ),
        ...tags.map((tag) =>
          element("a", { class: "tag", href: linkTo(tag), title: "Show all sweeps with this tag" }, tag),
        ),
      ),
    ),
    element("div", { class: "spark" }),
  );
}

/**
 * Update the row of a sweep if the sweep has changed.
 * @param {any} row
 * @param {any} sweep
 * @param {import("./caller.js").Caller | null} caller Null until it was read.
 */
export function updateRow(row, sweep, caller) {
  const version = `${sweep.version} ${caller?.name} ${caller?.role}`;
  if (row.dataset.version === version) return;
  row.dataset.version = version;
  const ended = isFinal(sweep.status);
  const status = row.querySelector(".status");
  status.dataset.status = sweep.status;
  setText(status, sweep.status);
  const progress = row.querySelector("progress");
  progress.max = sweep.progress.epochs_total;
  progress.value = sweep.progress.epochs_done;
  progress.hidden = ended;
  const epochs = `${sweep.progress.epochs_done} of ${sweep.progress.epochs_total} epochs`;
  setText(row.querySelector(".number"), ended ? formatTime(sweep.created_at) : epochs);
  setText(row.querySelector(".description"), describeSweep(sweep));
  row.querySelector(".duplicate").hidden = !caller || !maySubmit(caller);
  row.querySelector(".delete").hidden = !ended || !caller || !mayChange(caller, sweep);
  row.querySelector(".spark").replaceChildren(sparkline(sweep));
}

/**
 * Ask whether to delete a sweep.
 * @param {any} sweep
 * @returns {Promise<boolean>}
 */
export function confirmDeletion(sweep) {
  const dialog = byId("delete-dialog");
  setText(byId("delete-name"), sweepName(sweep));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "delete");
  });
}

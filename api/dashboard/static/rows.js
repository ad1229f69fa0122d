// Rows of the list of sweeps.

import { mayChange, maySubmit } from "./caller.js";
import { byId, element, setText } from "./dom.js";
import { describeSweep, formatTags, formatTime, sweepName } from "./format.js";
import { isFinal } from "./live.js";
import { ROOT } from "./root.js";
import { sparkline } from "./sparkline.js";

/**
 * Create the row of a sweep.
 * @param {any} sweep
 * @param {{selected: boolean, onSelect: (selected: boolean) => void, onDelete: () => void}} options
 */
export function createRow(sweep, { selected, onSelect, onDelete }) {
  const row = byId("row").content.firstElementChild.cloneNode(true);
  const checkbox = row.querySelector("input");
  row.querySelector(".name").href = `${ROOT}/ui/sweeps/${sweep.id}`;
  row.querySelector(".duplicate").href = `${ROOT}/ui?from=${sweep.id}`;
  row.querySelector(".delete").onclick = onDelete;
  checkbox.checked = selected;
  checkbox.onchange = () => onSelect(checkbox.checked);
  return row;
}

/**
 * Show the name of a sweep and its tags, which may be edited.
 * @param {any} row
 * @param {any} sweep
 */
function showNames(row, sweep) {
  const name = sweepName(sweep);
  setText(row.querySelector(".name"), name);
  row.querySelector("progress").ariaLabel = `Epochs of ${name}`;
  row.querySelector(".duplicate").ariaLabel = `Duplicate ${name}`;
  row.querySelector(".delete").ariaLabel = `Delete ${name}`;
  row.querySelector("input").ariaLabel = `Compare ${name}`;
  const linkTo = (/** @type {string} */ tag) => `${ROOT}/ui?${new URLSearchParams([["tag", tag]])}`;
  for (const tag of row.querySelectorAll(".tag")) tag.remove();
  row
    .querySelector(".delete")
    .after(...formatTags(sweep.tags).map((tag) => element("a", { class: "tag", href: linkTo(tag) }, tag)));
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
  showNames(row, sweep);
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

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
  const row = byId("row").content.firstElementChild.cloneNode(true);
  const [checkbox, progress, link, duplicate, remove] = ["input", "progress", ".name", ".duplicate", ".delete"].map(
    (part) => row.querySelector(part),
  );
  const name = sweepName(sweep);
  setText(link, name);
  link.href = `${ROOT}/ui/sweeps/${sweep.id}`;
  duplicate.href = `${ROOT}/ui?from=${sweep.id}`;
  progress.ariaLabel = `Epochs of ${name}`;
  duplicate.ariaLabel = `Duplicate ${name}`;
  remove.ariaLabel = `Delete ${name}`;
  remove.onclick = onDelete;
  checkbox.ariaLabel = `Compare ${name}`;
  checkbox.checked = selected;
  checkbox.onchange = () => onSelect(checkbox.checked);
  const tags = Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`);
  const linkTo = (/** @type {string} */ tag) => `${ROOT}/ui?${new URLSearchParams([["tag", tag]])}`;
  remove.after(...tags.map((tag) => element("a", { class: "tag", href: linkTo(tag) }, tag)));
  return row;
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

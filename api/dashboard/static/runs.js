// Table of a sweep's runs with a progress bar per run.

import { byId, element, labelCells, setText, updateChildren } from "./dom.js";
import { deviceName, formatDuration, formatPercent, formatScale } from "./format.js";
import { shareToken } from "./key.js";
import { epochsOf, runSecondsLeft } from "./live.js";
import { ROOT } from "./root.js";

/**
 * Show the runs of a sweep, ordered by scale and seed.
 * @param {any} sweep
 */
export function showRuns(sweep) {
  const runs = [...sweep.runs].sort((one, other) => one.scale - other.scale || one.seed - other.seed);
  updateChildren(
    byId("runs").tBodies[0],
    runs,
    (run) => run.id,
    createRow,
    (row, run) => updateRow(row, run, sweep.config.epochs),
  );
}

/**
 * Create the row of a run.
 * @param {any} run
 */
function createRow(run) {
  const href = `${ROOT}/ui/runs/${run.id}${shareToken ? location.hash : ""}`;
  const progress = element("progress", {
    "aria-label": `Epochs at scale ${formatScale(run.scale)}, seed ${run.seed}`,
  });
  const status = element(
    "td",
    {},
    element("span", { class: "status" }),
    element("p", { class: "invalid", hidden: true }),
  );
  const row = element(
    "tr",
    {},
    element("th", { scope: "row" }, element("a", { href }, formatScale(run.scale))),
    element("td", {}, run.seed),
    status,
    element("td", {}, progress, element("span")),
    ...Array.from({ length: 4 }, () => element("td")),
    element("td", { class: "printed hash" }),
  );
  labelCells(byId("runs"), row);
  return row;
}

/**
 * Update the row of a run if the run has changed.
 * @param {any} row
 * @param {any} run
 * @param {number} epochs
 */
function updateRow(row, run, epochs) {
  const version = `${run.status} ${run.epochs_done} ${run.cancel_requested} ${run.worker} ${epochs}`;
  if (row.dataset.version === version) return;
  row.dataset.version = version;
  const [, , status, progress, left, accuracy, valAccuracy, worker, hash] = row.children;
  status.firstChild.dataset.status = run.status;
  setText(status.firstChild, run.cancel_requested && run.status === "running" ? "cancelling" : run.status);
  setText(status.lastChild, run.error?.message);
  status.lastChild.hidden = !run.error;
  progress.firstChild.max = epochsOf(run, epochs);
  progress.firstChild.value = run.epochs_done;
  setText(progress.lastChild, `${run.epochs_done} of ${epochsOf(run, epochs)}`);
  const seconds = runSecondsLeft(run, epochs);
  setText(left, seconds === null ? "" : formatDuration(seconds));
  setText(accuracy, formatPercent(run.latest_metrics?.accuracy));
  setText(valAccuracy, formatPercent(run.latest_metrics?.val_accuracy));
  const reused = run.reused_from && `reused from ${run.reused_from}`;
  setText(worker, reused || (run.worker ? `${run.worker}, ${deviceName(run.device)}` : ""));
  setText(hash, run.weights_sha256);
}

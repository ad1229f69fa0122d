// Table of a sweep's runs with a progress bar per run.

import { deviceName, formatDuration, formatPercent, formatScale } from "../common/format.js";
import { shareToken } from "../common/key.js";
import { html } from "../common/lit.js";
import { ROOT } from "../common/root.js";
import { showTable, statusMark } from "../common/tables.js";
import { epochsOf, runSecondsLeft, sortRuns } from "../live/live.js";

/** @import { Sweep } from "../live/live.js" */

/**
 * Show the runs of a sweep, ordered by scale and seed.
 * @param {Sweep} sweep
 */
export function showRuns({ runs, config: { epochs } }) {
  showTable(
    "runs",
    sortRuns(runs),
    [
      ["Scale", linkTo],
      ["Seed", (run) => run.seed],
      ["Status", describeStatus],
      ["Epochs", (run) => describeProgress(run, epochsOf(run, epochs))],
      ["Time left", (run) => formatDuration(runSecondsLeft(run, epochs))],
      ["Accuracy", (run) => formatPercent(run.latest_metrics?.accuracy)],
      ["Validation accuracy", (run) => formatPercent(run.latest_metrics?.val_accuracy)],
      ["Worker", describeWorker],
      ["SHA-256 of the weights", (run) => run.weights_sha256, "printed hash"],
    ],
    (run) => run.id,
  );
}

/** @param {any} run */
const linkTo = ({ id, scale }) =>
  html`<a href="${ROOT}/ui/runs/${id}${shareToken ? location.hash : ""}">${formatScale(scale)}</a>`;

/** @param {any} run */
const describeStatus = ({ status, cancel_requested: isCancelled, error }) => [
  statusMark(status, isCancelled && status === "running" ? "cancelling" : status),
  error && html`<p class="invalid">${error.message}</p>`,
];

/**
 * Return the progress bar of a run and its epochs.
 * @param {any} run
 * @param {number} epochs
 */
const describeProgress = ({ scale, seed, epochs_done: done }, epochs) =>
  html`<progress aria-label="Epochs at scale ${formatScale(scale)}, seed ${seed}" max=${epochs} value=${done}></progress
    ><span>${done} of ${epochs}</span>`;

/** @param {any} run */
const describeWorker = ({ reused_from: origin, worker, device }) =>
  origin ? `reused from ${origin}` : worker && `${worker}, ${deviceName(device)}`;

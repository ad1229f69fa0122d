// The table of a sweep's runs: a bar each.

import { byId, element, keep, write } from "./dom.js";
import { secondsLeft } from "./following.js";
import { deviceName, duration, percent, wordsOfScale } from "./words.js";

/** @param {any} sweep */
export function showRuns(sweep) {
  const runs = [...sweep.runs].sort((one, other) => one.scale - other.scale || one.seed - other.seed);
  keep(
    byId("runs").tBodies[0],
    runs,
    (run) => run.id,
    makeRow,
    (row, run) => update(row, run, sweep.config.epochs),
  );
}

/** @param {any} run */
function makeRow(run) {
  const progress = element("progress", {
    "aria-label": `Epochs at scale ${wordsOfScale(run.scale)}, seed ${run.seed}`,
  });
  const state = element(
    "td",
    {},
    element("span", { class: "status" }),
    element("p", { class: "invalid", hidden: true }),
  );
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, wordsOfScale(run.scale)),
    element("td", {}, run.seed),
    state,
    element("td", {}, progress, element("span")),
    ...Array.from({ length: 4 }, () => element("td")),
  );
}

/** @param {any} row @param {any} run @param {number} epochs */
function update(row, run, epochs) {
  const seen = `${run.status} ${run.epochs_done} ${run.cancel_requested} ${run.worker} ${epochs}`;
  if (row.dataset.seen === seen) return;
  row.dataset.seen = seen;
  const [, , state, bar, left, accuracy, valAccuracy, worker] = row.children;
  state.firstChild.dataset.status = run.status;
  write(state.firstChild, run.cancel_requested && run.status === "running" ? "cancelling" : run.status);
  write(state.lastChild, run.error?.message);
  state.lastChild.hidden = !run.error;
  bar.firstChild.max = epochs;
  bar.firstChild.value = run.epochs_done;
  write(bar.lastChild, `${run.epochs_done} of ${epochs}`);
  const seconds = secondsLeft(run, epochs);
  write(left, seconds === null ? "" : duration(seconds));
  write(accuracy, percent(run.latest_metrics?.accuracy));
  write(valAccuracy, percent(run.latest_metrics?.val_accuracy));
  const reused = run.reused_from && `reused from ${run.reused_from}`;
  write(worker, reused || (run.worker ? `${run.worker}, ${deviceName(run.device)}` : ""));
}

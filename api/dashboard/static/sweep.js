// Live page of a sweep.

import { offerActions } from "./actions.js";
import { get } from "./api.js";
import { byId, element, setText, showText, updateChildren } from "./dom.js";
import { report } from "./errors.js";
import {
  describeSweep,
  formatCount,
  formatDuration,
  formatPercent,
  formatScale,
  formatTags,
  formatTime,
  judgedImages,
  sweepName,
} from "./format.js";
import { showConfusions, showMatrix } from "./heatmaps.js";
import { shareToken } from "./key.js";
import { epochsOf, isFinal, LiveSweep, sweepSecondsLeft } from "./live.js";
import { darkScheme } from "./plots.js";
import { followQueue } from "./queue.js";
import { showSettings } from "./report.js";
import { showMetrics, showRemarks } from "./results.js";
import { coalesce, isTransient } from "./retries.js";
import { ROOT } from "./root.js";
import { showRuns } from "./runs.js";
import { Samples } from "./samples.js";
import { createPoller, throttle } from "./scheduling.js";
import { SweepCharts } from "./sweep_charts.js";

// A sweep that has ended may be extended or retried by another client.
const POLL_INTERVAL = 15_000; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const draw = throttle(show);
const live = new LiveSweep(id, { onChange: draw, onConnection: showConnection, onFailure: showFailure });
const follow = createPoller(followSweep);
const showActions = offerActions(id, live, follow);
const updateSummary = coalesce(showSummary, showFailure);
const samples = new Samples();
const updatePlots = coalesce(readPlots, showFailure);
const charts = new SweepCharts(draw);
/** @type {any} */
let summary = null;
/** @type {any} Data set of the sweep, with its hash. */
let dataset = null;
let printing = false;

/**
 * Show a message while the service does not respond.
 * @param {boolean} connected
 */
function showConnection(connected) {
  showText(
    byId("connection"),
    connected ? "" : "The service does not respond. This page continues when it responds again.",
  );
}

/**
 * Show the failure of a background request. Transient failures are retried.
 * @param {unknown} problem
 */
function showFailure(problem) {
  if (isTransient(problem)) showConnection(false);
  else report(problem);
}

/**
 * Follow the sweep until it has ended or its events are not available.
 * @returns {Promise<number>} Delay before the next attempt, ms.
 */
async function followSweep() {
  await live.follow();
  showConnection(true); // no retry is running here, so the message must not remain
  return POLL_INTERVAL;
}

/** Draw the page, and read plots and summary again if a run has ended or an option has changed. */
function show() {
  const { sweep, epochs } = live;
  if (!sweep) return;
  for (const part of ["overall-progress", "actions", "content"]) byId(part).hidden = false;
  showHeader(sweep);
  showActions();
  showRuns(sweep);
  charts.show(sweep, epochs, printing);
  samples.show(sweep);
  const state = `${countEnded(sweep)} of ${sweep.runs.length}, ${sweep.status}`;
  updatePlots(`${state}, ${byId("log").checked}, ${darkScheme.matches}`, sweep);
  updateSummary(state, sweep);
}

/**
 * Read the plots and draw them.
 * @param {any} sweep
 */
async function readPlots(sweep) {
  await charts.read(sweep);
  showConnection(true);
  draw();
}

/**
 * Show the name, status and progress.
 * @param {any} sweep
 */
function showHeader(sweep) {
  document.title = `${sweepName(sweep)} - noisesweep`;
  setText(byId("title"), sweepName(sweep));
  byId("status").dataset.status = sweep.status;
  setText(byId("status"), sweep.status);
  setText(
    byId("description"),
    [describeSweep(sweep), formatTime(sweep.created_at), ...(sweep.name ? [sweep.id] : [])].join(" · "),
  );
  showTags(formatTags(sweep.tags));
  showText(byId("detail"), sweep.status_detail);
  for (const each of document.querySelectorAll(".judged")) setText(each, judgedImages(sweep));
  const done = sweep.runs.reduce((/** @type {number} */ sum, /** @type {any} */ run) => sum + run.epochs_done, 0);
  const total = sweep.runs.reduce(
    (/** @type {number} */ sum, /** @type {any} */ run) => sum + epochsOf(run, sweep.config.epochs),
    0,
  );
  byId("progress").max = total;
  byId("progress").value = done;
  const seconds = sweepSecondsLeft(sweep);
  const left = seconds === null ? "" : `, about ${formatDuration(seconds)} left`;
  setText(byId("progress-text"), `${done.toLocaleString("en")} of ${formatCount(total, "epoch")}${left}`);
}

/**
 * Show the tags, each as a link to the page of all sweeps with it.
 * @param {string[]} tags
 */
function showTags(tags) {
  byId("tags").hidden = !tags.length;
  const href = (/** @type {string} */ tag) => `${ROOT}/ui/class?${new URLSearchParams([["tag", tag]])}`;
  const create = (/** @type {string} */ tag) =>
    element("li", {}, shareToken ? tag : element("a", { href: href(tag) }, tag));
  updateChildren(byId("tags"), tags, String, create, () => {});
}

/**
 * Return the number of runs that have ended.
 * @param {any} sweep
 * @returns {number}
 */
const countEnded = (sweep) => sweep.runs.filter((/** @type {any} */ run) => isFinal(run.status)).length;

/**
 * Read the summary and the results, and show them.
 * @param {any} sweep
 */
async function showSummary(sweep) {
  const isFirst = summary === null;
  summary = await get(`/sweeps/${sweep.id}/summary`);
  dataset ??= sweep.config.own_dataset ?? (await get(`/datasets/${sweep.config.dataset}`));
  setText(byId("sentence"), summary.sentence);
  showRemarks(summary);
  showMetrics(summary);
  draw();
  if (!isFirst) announce(sweep, countEnded(sweep));
  await showMatrix(sweep);
  await showConfusions(sweep);
  showConnection(true);
}

/**
 * Announce to screen readers that runs have ended. Other changes are too frequent to be announced.
 * @param {any} sweep
 * @param {number} ended
 */
function announce(sweep, ended) {
  const last = summary.scales.at(-1);
  const result = last ? ` Accuracy at ${formatScale(last.scale)}: ${formatPercent(last.val_accuracy.mean)}.` : "";
  setText(
    byId("announcement"),
    isFinal(sweep.status)
      ? `The sweep has ended: ${sweep.status}. ${summary.sentence}`
      : `${ended} of ${sweep.runs.length} runs have ended.${result}`,
  );
}

/**
 * Draw the page for paper, or for the screen again. The events occur while the media is still the screen, so the class
 * sets the light colours, which the charts read.
 * @param {boolean} paper
 */
function setPrinting(paper) {
  printing = paper;
  document.documentElement.classList.toggle("paper", paper);
  if (!live.sweep) return;
  if (paper) showSettings(live.sweep, dataset);
  show();
}

addEventListener("beforeprint", () => setPrinting(true));
addEventListener("afterprint", () => setPrinting(false));
byId("log").addEventListener("change", draw);
for (const radio of document.querySelectorAll("input[name=curve]")) radio.addEventListener("change", draw);
document.addEventListener("visibilitychange", () => document.hidden && live.pause());
addEventListener("focus", follow);
follow();
if (!shareToken) followQueue(live);
charts.load().catch(report);

// Live page of a sweep.

import { loadCharts } from "./charts/charts.js";
import { showConfusions, updateMatrix } from "./charts/heatmaps.js";
import { darkScheme } from "./charts/plots.js";
import { get } from "./common/api.js";
import { byId, setText, showText } from "./common/dom.js";
import { report } from "./common/errors.js";
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
} from "./common/format.js";
import { shareToken } from "./common/key.js";
import { html, render } from "./common/lit.js";
import { createReader, showConnection, showFailure } from "./common/page.js";
import { followQueue } from "./common/queue.js";
import { ROOT } from "./common/root.js";
import { createPoller, throttle } from "./common/scheduling.js";
import { items } from "./common/tables.js";
import { countEnded, epochsOf, isFinal, LiveSweep, sum, sweepSecondsLeft } from "./live/live.js";
import { offerActions } from "./sweep/actions.js";
import { showSettings } from "./sweep/report.js";
import { showResults } from "./sweep/results.js";
import { showRuns } from "./sweep/runs.js";
import { showSamples } from "./sweep/samples.js";
import { SweepCharts } from "./sweep/sweep_charts.js";

/** @import { Sweep } from "./live/live.js" */

// A sweep that has ended may be extended or retried by another client.
const POLL_INTERVAL = 15_000; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const draw = throttle(show);
const live = new LiveSweep(id, { onChange: draw, onConnection: showConnection, onFailure: showFailure });
const follow = createPoller(followSweep);
const showActions = offerActions(id, live, follow);
const charts = new SweepCharts(draw);
const updatePlots = createReader((/** @type {Sweep} */ sweep) => charts.read(sweep), draw);
const updateSummary = createReader(readSummary, draw);
/** @type {any} */
let summary = null;
/** @type {any} Data set of the sweep, with its hash. */
let dataset = null;
let printing = false;

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
  showSamples(sweep);
  showConfusions(sweep);
  if (summary) showResults(sweep, summary);
  const state = `${countEnded(sweep)} of ${sweep.runs.length}, ${sweep.status}`;
  updatePlots(`${state}, ${byId("log").checked}, ${darkScheme.matches}`, sweep);
  updateSummary(state, sweep);
  updateMatrix(state, sweep);
}

/**
 * Show the name, status and progress.
 * @param {Sweep} sweep
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
  const tags = formatTags(sweep.tags);
  byId("tags").hidden = !tags.length;
  render(items(shareToken ? tags : tags.map(linkToClass)), byId("tags"));
  showText(byId("detail"), sweep.status_detail);
  for (const each of document.querySelectorAll(".judged")) setText(each, judgedImages(sweep));
  const done = sum(sweep.runs, (run) => run.epochs_done);
  const total = sum(sweep.runs, (run) => epochsOf(run, sweep.config.epochs));
  byId("progress").max = total;
  byId("progress").value = done;
  const seconds = sweepSecondsLeft(sweep);
  const left = seconds === null ? "" : `, about ${formatDuration(seconds)} left`;
  setText(byId("progress-text"), `${done.toLocaleString("en")} of ${formatCount(total, "epoch")}${left}`);
}

/**
 * Return a tag as a link to the page of all sweeps with it.
 * @param {string} tag
 */
const linkToClass = (tag) => html`<a href="${ROOT}/ui/class?${new URLSearchParams([["tag", tag]])}">${tag}</a>`;

/**
 * Read the summary and the data set.
 * @param {Sweep} sweep
 */
async function readSummary(sweep) {
  const isFirst = summary === null;
  dataset ??= sweep.config.own_dataset ?? (await get(`/datasets/${sweep.config.dataset}`));
  summary = await get(`/sweeps/${sweep.id}/summary`);
  if (!isFirst) announce(sweep);
}

/**
 * Announce to screen readers that runs have ended. Other changes are too frequent to be announced.
 * @param {Sweep} sweep
 */
function announce(sweep) {
  const last = summary.scales.at(-1);
  const result = last ? ` Accuracy at ${formatScale(last.scale)}: ${formatPercent(last.val_accuracy.mean)}.` : "";
  setText(
    byId("announcement"),
    isFinal(sweep.status)
      ? `The sweep has ended: ${sweep.status}. ${summary.sentence}`
      : `${countEnded(sweep)} of ${sweep.runs.length} runs have ended.${result}`,
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
loadCharts(draw).catch(report);

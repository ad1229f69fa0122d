// Live page of a sweep.

import { Actions } from "./actions.js";
import { get } from "./api.js";
import { backgroundNote, backgroundTraces, Chart, curveTraces } from "./charts.js";
import { byId, element, setText, showText, updateChildren } from "./dom.js";
import { report } from "./errors.js";
import {
  describeSweep,
  formatCount,
  formatDuration,
  formatPercent,
  formatScale,
  formatTime,
  judgedImages,
  sweepName,
} from "./format.js";
import { shareToken } from "./key.js";
import { Legend } from "./legend.js";
import { epochsOf, isFinal, LiveSweep, sweepSecondsLeft } from "./live.js";
import { darkScheme, extendCurve, PAPER_SIZE, readPlot, succeededIds, unfinishedPoints } from "./plots.js";
import { showSettings } from "./report.js";
import { showConfusions, showMatrix, showMetrics, showRemarks } from "./results.js";
import { coalesce, isTransient } from "./retries.js";
import { ROOT } from "./root.js";
import { showRuns } from "./runs.js";
import { Samples } from "./samples.js";
import { createPoller, throttle } from "./scheduling.js";

const MATRIX_INTERVAL = 10_000; // ms; the response is large, because it also contains every row
// A sweep that has ended may be extended or retried by another client.
const POLL_INTERVAL = 15_000; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const draw = throttle(show);
const live = new LiveSweep(id, { onChange: draw, onConnection: showConnection, onFailure: showFailure });
const follow = createPoller(followSweep);
const actions = new Actions(id, live, follow);
const updateSummary = coalesce(showSummary, showFailure);
const samples = new Samples();
const updatePlots = coalesce(readPlots, showFailure);
const [byScale, byEpoch] = [new Chart(byId("by-scale"), draw), new Chart(byId("by-epoch"), draw)];
const [scaleLegend, epochLegend] = [
  new Legend(byId("by-scale-legend"), draw),
  new Legend(byId("by-epoch-legend"), draw),
];
/** @type {any} */
let summary = null;
/** @type {any} Data set of the sweep, with the names of the classes and its hash. */
let dataset = null;
/** @typedef {{accuracy: any, epochs: any}} Plots */
/** @type {{screen: Plots, paper: Plots, plotted: Set<string>} | null} Read when the page opens and when a run ends. */
let plots = null;
let printing = false;
let matrixReadAt = -Infinity;

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
  actions.show();
  showRuns(sweep);
  if (plots) {
    const { accuracy, epochs: byEpochs } = printing ? plots.paper : plots.screen;
    showByScale(sweep, accuracy, plots.plotted);
    showByEpoch(sweep, epochs, byEpochs);
  }
  samples.show(sweep);
  const state = `${countEnded(sweep)} of ${sweep.runs.length}, ${sweep.status}`;
  updatePlots(`${state}, ${byId("log").checked}, ${darkScheme.matches}`, sweep);
  updateSummary(state, sweep);
}

/**
 * Read both plots and draw them. Those for paper are read, too, because nothing can be read while the page is printed.
 * @param {any} sweep
 */
async function readPlots(sweep) {
  const log = ["log", byId("log").checked];
  const read = async (/** @type {boolean} */ paper) => {
    const [accuracy, epochs] = await Promise.all(
      [
        ["accuracy", "by-scale"],
        ["epochs", "by-epoch"],
      ].map(([kind, id]) => readPlot(`/sweeps/${sweep.id}/plot`, [["kind", kind], log], paper ? null : byId(id))),
    );
    return { accuracy, epochs };
  };
  const [screen, paper] = await Promise.all([read(false), read(true)]);
  plots = { screen, paper, plotted: succeededIds(sweep.runs) };
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
  showTags(Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`));
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
 * Show the chart of accuracy against scale.
 * @param {any} sweep
 * @param {any} plot
 * @param {Set<string>} plotted Ids of the runs that the plot includes.
 */
function showByScale(sweep, { caption, panels, theme }, plotted) {
  const [panel] = panels;
  const unfinished = unfinishedPoints(sweep.runs, plotted, panel.x_axis);
  const curves = [
    { metric: "accuracy", name: "training", kind: "training", style: theme.styles.training },
    { metric: "val_accuracy", name: judgedImages(sweep), kind: "validation", style: theme.styles.validation },
  ];
  const traces = curves.flatMap(({ metric, name, kind, style }) => {
    const curve = panel.curves.find((/** @type {any} */ each) => each.style === kind) ?? { points: [] };
    const hidden = scaleLegend.isHidden(metric);
    return curveTraces(curve, { name, style, axis: panel.x_axis, hidden, unfinished, metric });
  });
  scaleLegend.show(curves.map(({ metric, name, style }) => ({ key: metric, name, colour: style.colour })));
  byScale.show([...backgroundTraces(panel, theme), ...traces], {
    panel,
    title: "noise scale",
    label: "Accuracy against scale. The table of runs lists the values.",
    ...(printing && { size: PAPER_SIZE }),
  });
  const hollow = unfinished.length ? "Hollow markers: latest epoch of a run that has not succeeded." : "";
  const intervals = panel.curves.length ? caption.notes[0] : "";
  const limit = backgroundNote(panel);
  setText(byId("by-scale-note"), [intervals, limit, hollow].filter(Boolean).join(" "));
}

/**
 * Show the chart of accuracy against epoch.
 * @param {any} sweep
 * @param {Map<string, any[]>} epochs
 * @param {any} plot
 */
function showByEpoch(sweep, epochs, plot) {
  const style = /** @type {any} */ (document.querySelector("input[name=curve]:checked")).value;
  const traces = plot.panels.map((/** @type {any} */ panel, /** @type {number} */ index) => {
    const values = extendCurve(plot, panel, style, sweep.runs, epochs);
    const color = plot.panel_colours[index];
    return {
      x: values.map((_, epoch) => epoch),
      y: values,
      visible: !epochLegend.isHidden(String(panel.scale)),
      mode: values.length > 1 ? "lines" : "markers",
      line: { color, width: 2 },
      marker: { color },
      hovertemplate: `scale ${formatScale(panel.scale)}, epoch %{x}<br>%{y:.1%}<extra></extra>`,
    };
  });
  epochLegend.show(
    plot.panels.map((/** @type {any} */ { scale }, /** @type {number} */ index) => ({
      key: String(scale),
      name: formatScale(scale),
      colour: plot.panel_colours[index],
    })),
  );
  byEpoch.show(traces, {
    panel: plot.panels[0],
    title: "epoch, counted from 0",
    label: "Accuracy against epoch, one curve per scale.",
    ...(printing && { size: PAPER_SIZE }),
  });
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
  if (summary.scales.length && (isFinal(sweep.status) || performance.now() - matrixReadAt > MATRIX_INTERVAL)) {
    showMatrix((await get(`/sweeps/${sweep.id}/results`)).matrix);
    matrixReadAt = performance.now();
  }
  await showConfusions(sweep, dataset.class_names);
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
Promise.all([byScale.load(), byEpoch.load()]).catch(report);

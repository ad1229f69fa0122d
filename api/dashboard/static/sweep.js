// The page of a sweep, live.

import { get } from "./api.js";
import { Actions } from "./actions.js";
import { Chart, curveTraces } from "./charts.js";
import { byId, tell, write } from "./dom.js";
import { report } from "./faults.js";
import { showConfusions, showFigures, showMatrix, showRemarks } from "./figures.js";
import { FollowedSweep, isFinal, secondsLeftOfAll } from "./following.js";
import { Legend } from "./legend.js";
import { paced, repeated } from "./pace.js";
import { dark, grownCurve, readPlot, runsUnderWay, succeeded } from "./plots.js";
import { keptUp, mayPass } from "./retries.js";
import { showRuns } from "./runs.js";
import { Samples } from "./samples.js";
import { count, duration, gridOf, moment, nameOf, percent, wordsOfScale } from "./words.js";

const BETWEEN_MATRICES = 10_000; // ms; it comes with all rows
// ms; a sweep that has ended may be extended or retried elsewhere.
const BETWEEN_LOOKS = 15_000;

const id = location.pathname.split("/")[3];
const draw = paced(show);
const followed = new FollowedSweep(id, { changed: draw, connected, failed });
const look = repeated(follow);
const actions = new Actions(id, followed, look);
const summarise = keptUp(showSummary, failed);
const samples = new Samples();
const readPlots = keptUp(readBoth, failed);
const [byScale, byEpoch] = [new Chart(byId("by-scale"), draw), new Chart(byId("by-epoch"), draw)];
const [scaleLegend, epochLegend] = [
  new Legend(byId("by-scale-legend"), draw),
  new Legend(byId("by-epoch-legend"), draw),
];
/** @type {any} */
let summary = null;
/** @type {{accuracy: any, epochs: any, plotted: Set<string>} | null} Read when the page is, and when a run ends. */
let plots = null;
let matrixAt = -Infinity;

/** @param {boolean} is */
function connected(is) {
  tell(
    byId("connection"),
    is ? "" : "The service does not answer at the moment. This page goes on as soon as it does.",
  );
}

/** What nobody has asked for is tried again, if that may help. @param {unknown} problem */
function failed(problem) {
  if (mayPass(problem)) connected(false);
  else report(problem);
}

async function follow() {
  await followed.follow();
  connected(true); // or refused for good: then it goes on no more
  return BETWEEN_LOOKS;
}

function show() {
  const { sweep, epochs } = followed;
  if (!sweep) return;
  for (const part of ["whole", "actions", "shown"]) byId(part).hidden = false;
  showHead(sweep);
  actions.show();
  showRuns(sweep);
  if (plots) {
    showByScale(sweep, plots);
    showByEpoch(sweep, epochs, plots.epochs);
  }
  samples.show(sweep);
  const stand = `${endedOf(sweep)} of ${sweep.runs.length}, ${sweep.status}`;
  readPlots(`${stand}, ${byId("log").checked}, ${dark.matches}`, sweep);
  summarise(stand, sweep);
}

/** @param {any} sweep */
async function readBoth(sweep) {
  const read = (/** @type {string} */ kind, /** @type {string} */ place) =>
    readPlot(`/sweeps/${sweep.id}/plot`, [["kind", kind], ["log", byId("log").checked]], byId(place)); // prettier-ignore
  const [accuracy, epochs] = await Promise.all([read("accuracy", "by-scale"), read("epochs", "by-epoch")]);
  plots = { accuracy, epochs, plotted: succeeded(sweep.runs) };
  connected(true);
  draw();
}

/** @param {any} sweep */
function showHead(sweep) {
  document.title = `${nameOf(sweep)} - noisesweep`;
  write(byId("title"), nameOf(sweep));
  byId("status").dataset.status = sweep.status;
  write(byId("status"), sweep.status);
  const tags = Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`);
  write(
    byId("meta"),
    [gridOf(sweep), moment(sweep.created_at), ...(sweep.name ? [sweep.id] : []), ...tags].join(" · "),
  );
  tell(byId("detail"), sweep.status_detail);
  const done = sweep.runs.reduce((/** @type {number} */ sum, /** @type {any} */ run) => sum + run.epochs_done, 0);
  const total = sweep.config.epochs * sweep.runs.length;
  byId("progress").max = total;
  byId("progress").value = done;
  const left = secondsLeftOfAll(sweep);
  write(
    byId("progress-words"),
    `${done.toLocaleString("en")} of ${count(total, "epoch")}${left === null ? "" : `, about ${duration(left)} left`}`,
  );
}

/** @param {any} sweep @param {{accuracy: any, plotted: Set<string>}} plots */
function showByScale(sweep, { accuracy: { panels, theme }, plotted }) {
  const [panel] = panels;
  const underWay = runsUnderWay(sweep.runs, plotted, panel.x_axis);
  const sides = [
    { side: "accuracy", name: "training", style: theme.styles.training },
    { side: "val_accuracy", name: "validation", style: theme.styles.validation },
  ];
  const traces = sides.flatMap(({ side, name, style }) => {
    const curve = panel.curves.find((/** @type {any} */ each) => each.style === name) ?? { points: [] };
    return curveTraces(curve, { name, style, axis: panel.x_axis, hidden: scaleLegend.hides(side), underWay, side });
  });
  scaleLegend.show(sides.map(({ side, name, style }) => ({ key: side, name, colour: style.colour })));
  byScale.show(traces, {
    panel,
    title: "noise scale",
    words: "Accuracy against scale; the table of runs has its figures.",
  });
  const hollow = underWay.length ? "Hollow: a run that has not succeeded, at its latest epoch." : "";
  const bars = sweep.seeds.length > 1 ? "Mean over seeds, with 95 % intervals." : "";
  write(byId("by-scale-note"), [bars, hollow].filter(Boolean).join(" "));
}

/** @param {any} sweep @param {Map<string, any[]>} epochs @param {any} plot */
function showByEpoch(sweep, epochs, plot) {
  const style = /** @type {any} */ (document.querySelector("input[name=side]:checked")).value;
  const traces = plot.panels.map((/** @type {any} */ panel, /** @type {number} */ place) => {
    const values = grownCurve(plot, panel, style, sweep.runs, epochs);
    const color = plot.panel_colours[place];
    return {
      x: values.map((_, epoch) => epoch),
      y: values,
      visible: !epochLegend.hides(String(panel.scale)),
      mode: values.length > 1 ? "lines" : "markers",
      line: { color, width: 2 },
      marker: { color },
      hovertemplate: `scale ${wordsOfScale(panel.scale)}, epoch %{x}<br>%{y:.1%}<extra></extra>`,
    };
  });
  epochLegend.show(
    plot.panels.map((/** @type {any} */ { scale }, /** @type {number} */ place) => ({
      key: String(scale),
      name: wordsOfScale(scale),
      colour: plot.panel_colours[place],
    })),
  );
  byEpoch.show(traces, {
    panel: plot.panels[0],
    title: "epoch, counted from 0",
    words: "Accuracy against epoch, a curve for each scale.",
  });
}

/** @param {any} sweep */
const endedOf = (sweep) => sweep.runs.filter((/** @type {any} */ run) => isFinal(run.status)).length;

/** Ask for what follows from the runs that have succeeded. @param {any} sweep */
async function showSummary(sweep) {
  const first = summary === null;
  summary = await get(`/sweeps/${sweep.id}/summary`);
  write(byId("sentence"), summary.sentence);
  showRemarks(summary);
  showFigures(summary);
  draw();
  if (!first) announce(sweep, endedOf(sweep));
  if (summary.scales.length && (isFinal(sweep.status) || performance.now() - matrixAt > BETWEEN_MATRICES)) {
    showMatrix((await get(`/sweeps/${sweep.id}/results`)).matrix);
    matrixAt = performance.now();
  }
  await showConfusions(sweep);
  connected(true);
}

/** For who does not see the page: no more than the ends of runs. @param {any} sweep @param {number} ended */
function announce(sweep, ended) {
  const best = summary.scales.at(-1);
  const figure = best ? `; ${percent(best.val_accuracy.mean)} at ${wordsOfScale(best.scale)}` : "";
  write(
    byId("news"),
    isFinal(sweep.status)
      ? `The sweep has ended: ${sweep.status}. ${summary.sentence}`
      : `${ended} of ${sweep.runs.length} runs have ended${figure}.`,
  );
}

byId("log").addEventListener("change", draw);
for (const radio of document.querySelectorAll("input[name=side]")) radio.addEventListener("change", draw);
document.addEventListener("visibilitychange", () => document.hidden && followed.leave());
addEventListener("focus", look);
look();
Promise.all([byScale.load(), byEpoch.load()]).catch(report);

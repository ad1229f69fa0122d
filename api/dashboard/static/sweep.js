// The page of a sweep, live.

import { get } from "./api.js";
import { Actions } from "./actions.js";
import { scaleAxis } from "./axis.js";
import { Chart, colour, curveTrace, rampColour } from "./charts.js";
import { curvesByEpoch, pointsByScale } from "./curves.js";
import { byId, tell, write } from "./dom.js";
import { report } from "./faults.js";
import { showConfusions, showFigures, showMatrix, showRemarks } from "./figures.js";
import { FollowedSweep, isFinal, secondsLeftOfAll } from "./following.js";
import { Legend } from "./legend.js";
import { paced, repeated } from "./pace.js";
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
const [byScale, byEpoch] = [new Chart(byId("by-scale"), draw), new Chart(byId("by-epoch"), draw)];
const [scaleLegend, epochLegend] = [
  new Legend(byId("by-scale-legend"), draw),
  new Legend(byId("by-epoch-legend"), draw),
];
/** @type {any} */
let summary = null;
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
  showByScale(sweep);
  showByEpoch(sweep, epochs);
  samples.show(sweep);
  summarise(`${endedOf(sweep)} of ${sweep.runs.length}, ${sweep.status}`, sweep);
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

/** @param {any} sweep */
function showByScale(sweep) {
  const points = pointsByScale(sweep.runs);
  const axis = scaleAxis(sweep.scales, byId("log").checked);
  const figures = new Map((summary?.scales ?? []).map((/** @type {any} */ each) => [each.scale, each]));
  const sides = [
    { key: "accuracy", name: "training", look: { colour: colour("training"), marker: "circle" } },
    { key: "val_accuracy", name: "validation", look: { colour: colour("validation"), marker: "square" } },
  ];
  const traces = sides.map(({ key, name, look }) =>
    curveTrace({
      name,
      look,
      x: points.map((point) => axis.place(point.scale)),
      y: points.map((point) => /** @type {any} */ (point)[key]),
      labels: points.map((point) => `scale ${wordsOfScale(point.scale)}`),
      done: points.map((point) => point.done),
      intervals: points.map((point) => (point.done ? figures.get(point.scale)?.[key] : undefined)),
      hidden: scaleLegend.hides(key),
    }),
  );
  scaleLegend.show(sides.map(({ key, name, look }) => ({ key, name, colour: look.colour })));
  byScale.show(traces, {
    xaxis: axis.layout,
    title: "noise scale",
    words: "Accuracy against scale; the table of runs has its figures.",
  });
  const hollow =
    points.length > 0 && points.some((point) => !point.done) ? "Hollow: not all of its runs have succeeded." : "";
  const bars = sweep.seeds.length > 1 ? "Mean over seeds, with 95 % intervals." : "";
  write(byId("by-scale-note"), [bars, hollow].filter(Boolean).join(" "));
}

/** @param {any} sweep @param {Map<string, any[]>} epochs */
function showByEpoch(sweep, epochs) {
  const side = /** @type {any} */ (document.querySelector("input[name=side]:checked")).value;
  const curves = curvesByEpoch(sweep.runs, epochs, side);
  const colours = curves.map((_, place) => rampColour(place, curves.length));
  const traces = curves.map(({ scale, values }, place) => ({
    x: values.map((_, epoch) => epoch),
    y: values,
    visible: !epochLegend.hides(String(scale)),
    mode: values.length > 1 ? "lines" : "markers",
    line: { color: colours[place], width: 2 },
    marker: { color: colours[place] },
    hovertemplate: `scale ${wordsOfScale(scale)}, epoch %{x}<br>%{y:.1%}<extra></extra>`,
  }));
  epochLegend.show(
    curves.map(({ scale }, place) => ({ key: String(scale), name: wordsOfScale(scale), colour: colours[place] })),
  );
  const last = sweep.config.epochs - 1;
  const xaxis = {
    range: [-0.03 * last - 0.2, last + 0.03 * last + 0.2],
    tickformat: "d",
    ...(last < 6 ? { dtick: 1 } : { nticks: 8 }),
  };
  byEpoch.show(traces, {
    xaxis,
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

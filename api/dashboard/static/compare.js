// Several sweeps in one picture.

import { download, get } from "./api.js";
import { Chart, curveTraces } from "./charts.js";
import { byId, element, fillHead, fillRows, write } from "./dom.js";
import { attempt, messageOf, report } from "./faults.js";
import { isFinal } from "./following.js";
import { Legend } from "./legend.js";
import { paced, repeated } from "./pace.js";
import { dark, readPlot, runsUnderWay, succeeded } from "./plots.js";
import { keptUp, mayPass } from "./retries.js";
import { count, nameOf, percent, wordsOfScale } from "./words.js";

const [BUSY_PAUSE, IDLE_PAUSE, FAULT_PAUSE] = [3_000, 60_000, 5_000]; // ms

const ids = [...new Set(new URLSearchParams(location.search).getAll("sweep"))];
const draw = paced(show);
const chart = new Chart(byId("overlay"), draw);
const legend = new Legend(byId("overlay-legend"), draw);
const readCurves = keptUp(readPlotOf, (problem) => mayPass(problem) || report(problem));
/** @type {Map<string, any>} Those that are there, by id. */
const known = new Map();
/** @type {any[]} */
let sweeps = [];
/** @type {{plot: any, ids: string[], plotted: Set<string>} | null} Read when the page is, and when a run ends. */
let curves = null;

async function read() {
  const problems = (await Promise.all(ids.map(readOne))).filter(Boolean);
  sweeps = ids.flatMap((id) => known.get(id) ?? []);
  draw();
  const open = sweeps.filter((sweep) => !isFinal(sweep.status)).length;
  const words = [open && `${open} of ${count(sweeps.length, "sweep")} still to end.`, ...problems.map(messageOf)];
  write(byId("compared-status"), [...new Set(words)].filter(Boolean).join(" "));
  if (problems.some(mayPass)) return FAULT_PAUSE;
  return open ? BUSY_PAUSE : IDLE_PAUSE;
}

/** Read a sweep. @param {string} id @returns {Promise<unknown>} What is wrong, if anything is. */
async function readOne(id) {
  const path = `/sweeps/${encodeURIComponent(id)}`;
  try {
    known.set(id, await get(path));
  } catch (problem) {
    if (!mayPass(problem)) known.delete(id);
    return problem;
  }
}

/** What tells sweeps apart: their names, and their ids where these are the same. @param {any} sweep */
const labelOf = (sweep) =>
  sweeps.filter((other) => nameOf(other) === nameOf(sweep)).length > 1
    ? `${nameOf(sweep)} (${sweep.id})`
    : nameOf(sweep);

function show() {
  for (const id of ["overlay-section", "differences-section", "values-section"]) byId(id).hidden = !sweeps.length;
  if (!sweeps.length) return;
  const ended = sweeps.map(({ id, runs }) => `${id}: ${runs.filter((/** @type {any} */ run) => isFinal(run.status)).length}`);
  readCurves(`${ended}, ${sweeps.map(({ status }) => status)}, ${byId("log").checked}, ${dark.matches}`, sweeps);
  showDifferences();
  if (!curves) return;
  showChart(curves);
  showValues(curves);
}

/** @param {any[]} shown */
async function readPlotOf(shown) {
  const ids = shown.map(({ id }) => id);
  const query = [...ids.map((id) => ["sweep", id]), ["log", byId("log").checked]];
  const plot = await readPlot("/plots/compare", query, byId("overlay"));
  curves = { plot, ids, plotted: succeeded(shown.flatMap(({ runs }) => runs)) };
  draw();
}

/** The curve of a sweep, once it was read. @param {{plot: any, ids: string[]}} curves @param {any} sweep */
const curveOf = ({ plot, ids }, sweep) => plot.panels[0].curves[ids.indexOf(sweep.id)];

/** @param {{plot: any, ids: string[], plotted: Set<string>}} curves */
function showChart(curves) {
  const { panels, theme } = curves.plot;
  const { x_axis: axis } = panels[0];
  const drawn = sweeps.filter((sweep) => curveOf(curves, sweep));
  const styleOf = (/** @type {any} */ sweep) => theme.styles[curveOf(curves, sweep).style];
  const traces = drawn.flatMap((sweep) =>
    curveTraces(curveOf(curves, sweep), {
      name: labelOf(sweep),
      style: styleOf(sweep),
      axis,
      hidden: legend.hides(sweep.id),
      underWay: runsUnderWay(sweep.runs, curves.plotted, axis),
      side: "val_accuracy",
    }),
  );
  legend.show(drawn.map((sweep) => ({ key: sweep.id, name: labelOf(sweep), colour: styleOf(sweep).colour })));
  chart.show(traces, {
    panel: panels[0],
    title: "noise scale",
    words: "Validation accuracy against scale, a curve for each sweep; the table below has its figures.",
  });
  const several = sweeps.some((sweep) => sweep.seeds.length > 1);
  const hollow = sweeps.some((sweep) => sweep.status !== "succeeded");
  write(
    byId("overlay-note"),
    [several && "Mean over seeds, with 95 % intervals.", hollow && "Hollow: a run that has not succeeded, at its latest epoch."]
      .filter(Boolean)
      .join(" "),
  );
}

function showDifferences() {
  const settings = sweeps.map((sweep) => ({ ...sweep.config, seeds: sweep.seeds.join(", "), status: sweep.status }));
  const names = Object.keys(settings[0]).filter(
    (name) => new Set(settings.map((each) => JSON.stringify(each[name]))).size > 1,
  );
  const table = byId("differences");
  fillHead(table, ["Sweep", ...names.map((name) => name.replaceAll("_", " "))]);
  const words = (/** @type {any} */ value) => (Array.isArray(value) ? value.join(", ") : String(value));
  fillRows(
    table,
    sweeps.map((sweep, place) => [link(sweep), ...names.map((name) => words(settings[place][name]))]),
  );
}

/** @param {{plot: any, ids: string[]}} curves */
function showValues(curves) {
  const means = sweeps.map(
    (sweep) => new Map(curveOf(curves, sweep)?.points.map((/** @type {any} */ point) => [point.x, point.mean])),
  );
  const table = byId("values");
  fillHead(table, ["Scale", ...sweeps.map(labelOf)]);
  fillRows(
    table,
    curves.plot.panels[0].x_axis.scales.map((/** @type {any} */ { scale, position }) => [
      wordsOfScale(scale),
      ...means.map((curve) => percent(curve.get(position))),
    ]),
  );
}

/** @param {any} sweep */
const link = (sweep) => element("a", { href: `/ui/sweeps/${sweep.id}` }, labelOf(sweep));

byId("log").addEventListener("change", draw);
for (const format of ["png", "svg"]) {
  const query = () =>
    new URLSearchParams([...sweeps.map(({ id }) => ["sweep", id]), ["format", format], ["log", byId("log").checked]]);
  byId(format).addEventListener("click", () =>
    attempt(() => download(`/plots/compare?${query()}`, `comparison.${format}`)),
  );
}
if (ids.length) {
  repeated(read)();
  chart.load().catch(report);
} else {
  byId("compared-status").replaceChildren(
    "Nothing to compare: tick sweeps in ",
    element("a", { href: "/ui" }, "the list"),
    ".",
  );
}

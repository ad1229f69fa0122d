// Comparison of several sweeps in one chart.

import { get, Problem } from "./api.js";
import { readCaller } from "./caller.js";
import { Chart } from "./charts.js";
import { showComparison, showRefusal } from "./comparison.js";
import { byId, element, setColumns, setItems, setRows, setText } from "./dom.js";
import { messageOf, report } from "./errors.js";
import { describeNetwork, formatCount, formatPercent, formatScale, formatTests, sweepName } from "./format.js";
import { Legend } from "./legend.js";
import { isFinal } from "./live.js";
import { darkScheme, offerPictures, readPlot, succeededIds, unfinishedPoints } from "./plots.js";
import { coalesce, isTransient } from "./retries.js";
import { ROOT } from "./root.js";
import { createPoller, throttle } from "./scheduling.js";
import { backgroundNote, backgroundTraces, curveTraces } from "./traces.js";
import { readTransfer, showNoTransfer, showTransfer } from "./transfer.js";

const [ACTIVE_INTERVAL, IDLE_INTERVAL, ERROR_INTERVAL] = [3_000, 60_000, 5_000]; // ms

/** @typedef {{plot: any, ids: string[], plotted: Set<string>}} Curves `ids` are the sweeps in the order of the plot's
 *   curves. `plotted` are the runs that had succeeded when the plot was read. */

const ids = [...new Set(new URLSearchParams(location.search).getAll("sweep"))];
const draw = throttle(show);
const chart = new Chart(byId("overlay"), draw);
const legend = new Legend(byId("overlay-legend"), draw);
const updateCurves = coalesce(readCurves, (problem) => isTransient(problem) || report(problem));
const updateComparison = coalesce(readComparison, (problem) => isTransient(problem) || report(problem));
const updateTransfer = coalesce(showNoiseKinds, (problem) => isTransient(problem) || report(problem));
/** @type {Map<string, any>} The sweeps that exist, by id. */
const sweepsById = new Map();
/** @type {any[]} */
let sweeps = [];
/** @type {Curves | null} Read when the page opens, and again when a run ends. */
let curves = null;

/**
 * Read all sweeps and draw them.
 * @returns {Promise<number>} Delay before the next read, ms.
 */
async function readSweeps() {
  const problems = (await Promise.all(ids.map(readSweep))).filter(Boolean);
  sweeps = ids.flatMap((id) => sweepsById.get(id) ?? []);
  draw();
  const active = sweeps.filter((sweep) => !isFinal(sweep.status)).length;
  const progress = active && `${active} of ${formatCount(sweeps.length, "sweep")} not finished.`;
  setText(byId("compare-status"), [...new Set([progress, ...problems.map(messageOf)])].filter(Boolean).join(" "));
  if (problems.some(isTransient)) return ERROR_INTERVAL;
  return active ? ACTIVE_INTERVAL : IDLE_INTERVAL;
}

/**
 * Read a sweep.
 * @param {string} id
 * @returns {Promise<unknown>} The error, or undefined.
 */
async function readSweep(id) {
  const path = `/sweeps/${encodeURIComponent(id)}`;
  try {
    sweepsById.set(id, await get(path));
  } catch (problem) {
    if (!isTransient(problem)) sweepsById.delete(id);
    return problem;
  }
}

/** @type {Record<string, string>} Names of settings, unless they are those of the API. */
const NAMES = { model: "network", own_dataset: "data set content", dataset: "data set" };
/** @type {Record<string, (value: any) => string>} Texts of settings that are not numbers or names. */
const FORMATS = {
  model: describeNetwork,
  own_dataset: (facts) => (facts ? `SHA-256 ${facts.sha256.slice(0, 16)}` : "built in"),
  test_noise: (tests) => formatTests(tests) || "none",
};

/**
 * Return the name of a sweep, with its id if another sweep has the same name, and its data set if another one differs.
 * @param {any} sweep
 * @returns {string}
 */
function labelOf(sweep) {
  const isUnique = sweeps.filter((other) => sweepName(other) === sweepName(sweep)).length === 1;
  const dataset = new Set(sweeps.map(({ config }) => config.dataset)).size > 1 && sweep.config.dataset;
  return [isUnique ? sweepName(sweep) : `${sweepName(sweep)} (${sweep.id})`, dataset].filter(Boolean).join(", ");
}

/**
 * Return the label of a sweep in the chart. A sweep that has not succeeded says how far it got.
 * @param {any} sweep
 * @returns {string}
 */
function markedLabelOf(sweep) {
  const { status, progress } = sweep;
  if (status === "succeeded") return labelOf(sweep);
  const done = progress.epochs_done.toLocaleString("en");
  const far = `${done} of ${formatCount(progress.epochs_total, "epoch")}`;
  return `${labelOf(sweep)} (${status}${isFinal(status) ? " after" : ","} ${far})`;
}

/** Draw the page, and read the curves again if a run has ended or an option has changed. */
function show() {
  for (const id of ["overlay-section", "differences-section", "values-section"]) byId(id).hidden = !sweeps.length;
  if (!sweeps.length) return;
  const isEnded = (/** @type {any} */ run) => isFinal(run.status);
  const ended = sweeps.map(({ id, runs }) => `${id}: ${runs.filter(isEnded).length}`);
  const statuses = sweeps.map(({ status }) => status);
  updateCurves(`${ended}, ${statuses}, ${byId("log").checked}, ${darkScheme.matches}`, sweeps);
  byId("comparison-section").hidden = sweeps.length !== 2;
  if (sweeps.length === 2) updateComparison(`${ended}, ${statuses}`, sweeps);
  const kinds = new Set(sweeps.map(({ config }) => config.noise)).size;
  byId("transfer-section").hidden = kinds < 2;
  if (kinds > 1) updateTransfer(`${ended}, ${statuses}`, sweeps);
  showDifferences();
  if (!curves) return;
  showChart(curves);
  showValues(curves);
}

/**
 * Read the curves of sweeps and draw them.
 * @param {any[]} plottedSweeps
 */
async function readCurves(plottedSweeps) {
  const ids = plottedSweeps.map(({ id }) => id);
  const plot = await readPlot("/plots/compare", queryOf(plottedSweeps), byId("overlay"));
  curves = { plot, ids, plotted: succeededIds(plottedSweeps.flatMap(({ runs }) => runs)) };
  draw();
}

/**
 * Return the query of the plot of sweeps.
 * @param {any[]} of
 * @returns {string[][]}
 */
const queryOf = (of) => [...sweepsQuery(of), ["log", byId("log").checked]];

/**
 * Return the query that names sweeps.
 * @param {any[]} of
 * @returns {string[][]}
 */
const sweepsQuery = (of) => of.map(({ id }) => ["sweep", id]);

/**
 * Read the comparison of two sweeps and show it, or why there is none.
 * @param {any[]} both
 */
async function readComparison(both) {
  setText(byId("comparison-key"), both.map((sweep, index) => `${"AB"[index]}: ${labelOf(sweep)}`).join(". "));
  const read = () => get(`/compare?${new URLSearchParams(sweepsQuery(both))}`);
  await readOrRefuse(read, showComparison, showRefusal);
}

/**
 * Read the table of training noise and test noise and show it, or why there is none.
 * @param {any[]} tested
 */
async function showNoiseKinds(tested) {
  await readOrRefuse(() => readTransfer(sweepsQuery(tested)), showTransfer, showNoTransfer);
}

/**
 * Read an answer about sweeps and show it, or the reason why these sweeps have none.
 * @param {() => Promise<any>} read
 * @param {(answer: any) => void} show
 * @param {(reason: string) => void} refuse
 */
async function readOrRefuse(read, show, refuse) {
  try {
    show(await read());
  } catch (problem) {
    if (!(problem instanceof Problem && problem.status === 422)) throw problem;
    refuse(problem.message);
  }
}

/**
 * Return the curve of a sweep, or undefined if the plot does not include it.
 * @param {Curves} curves
 * @param {any} sweep
 */
const curveOf = ({ plot, ids }, sweep) => plot.panels[0].curves[ids.indexOf(sweep.id)];

/**
 * Show the chart and its legend.
 * @param {Curves} curves
 */
function showChart(curves) {
  const { caption, panels, theme } = curves.plot;
  const { x_axis: axis } = panels[0];
  const plottedSweeps = sweeps.filter((sweep) => curveOf(curves, sweep));
  const styleOf = (/** @type {any} */ sweep) => theme.styles[curveOf(curves, sweep).style];
  const traces = plottedSweeps.flatMap((sweep) =>
    curveTraces(curveOf(curves, sweep), {
      name: markedLabelOf(sweep),
      style: styleOf(sweep),
      axis,
      hidden: legend.isHidden(sweep.id),
      unfinished: unfinishedPoints(sweep.runs, curves.plotted, axis),
      metric: "val_accuracy",
    }),
  );
  legend.show(
    plottedSweeps.map((sweep) => ({ key: sweep.id, name: markedLabelOf(sweep), colour: styleOf(sweep).colour })),
  );
  chart.show(traces, {
    panel: panels[0],
    background: backgroundTraces(panels[0], theme),
    label: "Accuracy against scale, one curve per sweep. The table below lists the values.",
  });
  const intervals = panels[0].curves.some((/** @type {any} */ { points }) => points.length) && caption.notes[0];
  const hollow = sweeps.some((sweep) => sweep.status !== "succeeded");
  const notes = [
    intervals,
    backgroundNote(panels[0]),
    hollow && "Hollow markers: latest epoch of a run that has not succeeded.",
  ];
  setText(byId("overlay-note"), notes.filter(Boolean).join(" "));
  byId("warnings").hidden = !caption.warnings.length;
  setItems(byId("warnings"), caption.warnings);
}

/** Show the settings in which the sweeps differ. */
function showDifferences() {
  const settings = sweeps.map(({ config, seeds, numerics, status }) => ({ ...config, seeds, numerics, status }));
  const names = Object.keys(settings[0]).filter(
    (name) => new Set(settings.map((each) => JSON.stringify(each[name]))).size > 1,
  );
  const table = byId("differences");
  setColumns(table, ["Sweep", ...names.map((name) => NAMES[name] ?? name.replaceAll("_", " "))]);
  const format = (/** @type {any} */ value, /** @type {string} */ name) =>
    FORMATS[name]?.(value) ?? (Array.isArray(value) ? value.join(", ") : String(value));
  setRows(
    table,
    sweeps.map((sweep, index) => [createLink(sweep), ...names.map((name) => format(settings[index][name], name))]),
  );
}

/**
 * Show the accuracy of each sweep at each scale.
 * @param {Curves} curves
 */
function showValues(curves) {
  const means = sweeps.map(
    (sweep) => new Map(curveOf(curves, sweep)?.points.map((/** @type {any} */ point) => [point.x, point.mean])),
  );
  const table = byId("values");
  setColumns(table, ["Scale", ...sweeps.map(markedLabelOf)]);
  setRows(
    table,
    curves.plot.panels[0].x_axis.scales.map((/** @type {any} */ { scale, position }) => [
      formatScale(scale),
      ...means.map((curve) => formatPercent(curve.get(position))),
    ]),
  );
}

/**
 * Create a link to the page of a sweep.
 * @param {any} sweep
 */
const createLink = (sweep) => element("a", { href: `${ROOT}/ui/sweeps/${sweep.id}` }, labelOf(sweep));

byId("log").addEventListener("change", draw);
offerPictures({
  comparison: () => ({ path: "/plots/compare", query: queryOf(sweeps), name: "comparison" }),
  transfer: () => ({ path: "/plots/transfer", query: sweepsQuery(sweeps), name: "transfer" }),
});
if (ids.length) {
  createPoller(readSweeps)();
  chart.load().catch(report);
} else {
  byId("compare-status").replaceChildren(
    "No sweeps selected. Select sweeps in ",
    element("a", { href: `${ROOT}/ui` }, "the list"),
    ".",
  );
}
readCaller().catch(report);

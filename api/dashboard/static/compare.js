// Comparison of several sweeps in one chart.

import { CurveChart, loadCharts } from "./charts/charts.js";
import { darkScheme, offerPictures, readPlot, succeededIds } from "./charts/plots.js";
import { get, Problem } from "./common/api.js";
import { readCaller } from "./common/caller.js";
import { byId, setText } from "./common/dom.js";
import { messageOf, report } from "./common/errors.js";
import { describeNetwork, formatCount, formatPercent, formatScale, formatTests, sweepName } from "./common/format.js";
import { html, render } from "./common/lit.js";
import { createReader, followResource } from "./common/page.js";
import { isTransient } from "./common/retries.js";
import { ROOT } from "./common/root.js";
import { throttle } from "./common/scheduling.js";
import { items, showTable, sweepLink } from "./common/tables.js";
import { showComparison } from "./compare/comparison.js";
import { readTransfer, showTransfer } from "./compare/transfer.js";
import { countEnded, isFinal } from "./live/live.js";

/** @import { Sweep } from "./live/live.js" */
/** @import { Column } from "./common/tables.js" */

const INTERVALS = [3_000, 60_000]; // ms

/** @typedef {{plot: any, plotted: Set<string>}} Curves `plotted` are the runs that had succeeded when the plot was
 *   read. */

const ids = [...new Set(new URLSearchParams(location.search).getAll("sweep"))];
const draw = throttle(show);
const chart = new CurveChart("overlay", draw);
const updateCurves = createReader(readCurves, draw);
const updateComparison = createReader(readComparison, draw);
const updateTransfer = createReader(readKinds, draw);
/** @type {Map<string, Sweep>} The sweeps that exist, by id. */
const sweepsById = new Map();
/** @type {Sweep[]} */
let sweeps = [];
/** @type {Curves | null} Read when the page opens, and again when a run ends. */
let curves = null;
/** @type {any} Answer of GET /compare, or the reason why there is none. */
let comparison = null;
/** @type {any} Answer of GET /transfer with its plot, or the reason why there is none. */
let transfer = null;

/**
 * Read all sweeps, except those that do not exist.
 * @returns {Promise<boolean>} Whether a sweep may change soon.
 */
async function readSweeps() {
  const problems = (await Promise.all(ids.map(readSweep))).filter(Boolean);
  sweeps = ids.flatMap((id) => sweepsById.get(id) ?? []);
  const active = sweeps.filter((sweep) => !isFinal(sweep.status)).length;
  const progress = active && `${active} of ${formatCount(sweeps.length, "sweep")} not finished.`;
  setText(byId("compare-status"), [...new Set([progress, ...problems.map(messageOf)])].filter(Boolean).join(" "));
  const transient = problems.find(isTransient);
  if (transient) throw transient;
  return active > 0;
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

/** Draw the page, and read what compares the sweeps again if a run has ended or an option has changed. */
function show() {
  byId("overlay-section").hidden = !sweeps.length;
  const isPair = sweeps.length === 2;
  byId("comparison-section").hidden = !isPair;
  const hasKinds = new Set(sweeps.map(({ config }) => config.noise)).size > 1;
  byId("transfer-section").hidden = !hasKinds;
  showDifferences();
  showValues();
  if (!sweeps.length) return;
  const state = sweeps.map((sweep) => `${sweep.id}: ${sweep.status}, ${countEnded(sweep)}`).join();
  updateCurves(`${state}, ${byId("log").checked}, ${darkScheme.matches}`, sweeps);
  if (isPair) updateComparison(state, sweeps);
  if (hasKinds) updateTransfer(state, sweeps);
  // Until it is read again, an answer may be about other sweeps.
  const shown = idsOf(sweeps);
  if (isPair && comparison?.of === shown) {
    setText(byId("comparison-key"), sweeps.map((sweep, index) => `${"AB"[index]}: ${labelOf(sweep)}`).join(". "));
    showComparison(comparison);
  }
  if (hasKinds && transfer?.of === shown) showTransfer(transfer);
  if (!curves) return;
  showChart(curves);
}

/**
 * Read the curves of sweeps.
 * @param {Sweep[]} plotted
 */
async function readCurves(plotted) {
  const plot = await readPlot("/plots/compare", queryOf(plotted), byId("overlay"));
  curves = { plot, plotted: succeededIds(plotted.flatMap(({ runs }) => runs)) };
}

/**
 * Read the comparison of two sweeps.
 * @param {Sweep[]} both
 */
async function readComparison(both) {
  const answer = await get(`/compare?${new URLSearchParams(sweepsQuery(both))}`).catch(asReason);
  comparison = { ...answer, of: idsOf(both) };
}

/**
 * Read the table of training noise and test noise.
 * @param {Sweep[]} tested
 */
async function readKinds(tested) {
  transfer = { ...(await readTransfer(sweepsQuery(tested)).catch(asReason)), of: idsOf(tested) };
}

/**
 * Return the reason why sweeps have no such answer in the form of an answer. Throw any other problem.
 * @param {unknown} problem
 */
function asReason(problem) {
  if (!(problem instanceof Problem && problem.status === 422)) throw problem;
  return { sentence: problem.message, scales: [], remarks: [] };
}

/**
 * Return the query of the plot of sweeps.
 * @param {any[]} of
 * @returns {string[][]}
 */
const queryOf = (of) => [...sweepsQuery(of), ["log", byId("log").checked]];

/**
 * Return the ids of sweeps as a text.
 * @param {Sweep[]} of
 */
const idsOf = (of) => of.map(({ id }) => id).join();

/**
 * Return the query that names sweeps.
 * @param {any[]} of
 * @returns {string[][]}
 */
const sweepsQuery = (of) => of.map(({ id }) => ["sweep", id]);

/**
 * Return the curve of a sweep, or undefined if the plot does not include it.
 * @param {any} plot
 * @param {any} sweep
 */
const curveOf = (plot, { id }) => plot.panels[0].curves.find((/** @type {any} */ curve) => curve.sweep_id === id);

/**
 * Show the chart and the warnings about it.
 * @param {Curves} curves
 */
function showChart({ plot, plotted }) {
  const [panel] = plot.panels;
  const named = sweeps.flatMap((sweep) => {
    const curve = curveOf(plot, sweep);
    return curve ? { ...curve, name: markedLabelOf(sweep) } : [];
  });
  const runsOf = (/** @type {any} */ curve) => sweepsById.get(curve.sweep_id)?.runs ?? [];
  chart.show(plot, { panel: { ...panel, curves: named }, runsOf, plotted });
  byId("warnings").hidden = !plot.caption.warnings.length;
  render(items(plot.caption.warnings), byId("warnings"));
}

/** Show the settings in which the sweeps differ. */
function showDifferences() {
  const settings = new Map(
    sweeps.map(({ id, config, seeds, numerics, status }) => [id, { ...config, seeds, numerics, status }]),
  );
  const names = Object.keys(settings.get(sweeps[0]?.id) ?? {}).filter(
    (name) => new Set(sweeps.map(({ id }) => JSON.stringify(settings.get(id)[name]))).size > 1,
  );
  const format = (/** @type {any} */ value, /** @type {string} */ name) =>
    FORMATS[name]?.(value) ?? (Array.isArray(value) ? value.join(", ") : String(value));
  showTable(
    "differences",
    sweeps,
    [
      ["Sweep", (sweep) => sweepLink(sweep, labelOf(sweep))],
      ...names.map(
        (name) =>
          /** @type {Column} */ ([
            NAMES[name] ?? name.replaceAll("_", " "),
            ({ id }) => format(settings.get(id)[name], name),
          ]),
      ),
    ],
    ({ id }) => id,
  );
}

/** Show the accuracy of each sweep at each scale. */
function showValues() {
  /** @type {Column[]} */
  const columns = sweeps.map((sweep) => {
    const points = (curves && curveOf(curves.plot, sweep)?.points) ?? [];
    const means = new Map(points.map((/** @type {any} */ point) => [point.x, point.mean]));
    return [markedLabelOf(sweep), ({ position }) => formatPercent(means.get(position))];
  });
  const scales = sweeps.length && curves ? curves.plot.panels[0].x_axis.scales : [];
  showTable("values", scales, [["Scale", ({ scale }) => formatScale(scale)], ...columns]);
}

byId("log").addEventListener("change", draw);
offerPictures({
  comparison: () => ({ path: "/plots/compare", query: queryOf(sweeps), name: "comparison" }),
  transfer: () => ({ path: "/plots/transfer", query: sweepsQuery(sweeps), name: "transfer" }),
});
if (ids.length) {
  followResource(readSweeps, draw, INTERVALS);
  loadCharts(draw).catch(report);
} else {
  setText(byId("compare-status"), "");
  render(html`No sweeps selected. Select sweeps in <a href="${ROOT}/ui">the list</a>.`, byId("compare-status"));
}
readCaller().catch(report);

// Sweeps of a class, which is all sweeps with one tag: in one chart, and in tables.

import { get } from "./api.js";
import { readCaller } from "./caller.js";
import { Chart } from "./charts.js";
import { byId, element, setColumns, setItems, setRows, setText } from "./dom.js";
import { messageOf, report } from "./errors.js";
import { formatInterval, formatPercent, formatScale, sweepName } from "./format.js";
import { Legend } from "./legend.js";
import { isFinal } from "./live.js";
import { darkScheme, offerPictures, readPlot } from "./plots.js";
import { coalesce, isTransient } from "./retries.js";
import { ROOT } from "./root.js";
import { createPoller, throttle } from "./scheduling.js";
import { backgroundNote, backgroundTraces, curveTraces } from "./traces.js";

const [ACTIVE_INTERVAL, IDLE_INTERVAL, ERROR_INTERVAL] = [3_000, 15_000, 5_000]; // ms

const tag = new URLSearchParams(location.search).get("tag");
const draw = throttle(show);
const chart = new Chart(byId("curves"), draw);
const legend = new Legend(byId("curves-legend"), draw);
const updatePlot = coalesce(readCurves, (problem) => isTransient(problem) || report(problem));
/** @type {any} Answer of GET /class. */
let results = null;
/** @type {any} Answer of GET /plots/class. */
let plot = null;

/**
 * Read the results and show them.
 * @returns {Promise<number>} Delay before the next read, ms.
 */
async function readResults() {
  try {
    results = await get(`/class?${new URLSearchParams([["tag", tag ?? ""]])}`);
  } catch (problem) {
    setText(byId("class-status"), messageOf(problem));
    return isTransient(problem) ? ERROR_INTERVAL : IDLE_INTERVAL;
  }
  setText(byId("class-status"), "");
  draw();
  return results.sweeps.some((/** @type {any} */ sweep) => !isFinal(sweep.status)) ? ACTIVE_INTERVAL : IDLE_INTERVAL;
}

/** Read the curves and draw them. */
async function readCurves() {
  plot = await readPlot("/plots/class", [...query()], byId("curves"));
  draw();
}

/** Return the query of the plot. */
const query = () => [
  ["tag", tag ?? ""],
  ["log", byId("log").checked],
];

/** Draw the page, and read the curves again if the results or an option have changed. */
function show() {
  if (!results) return;
  setText(byId("class-sentence"), results.sentence);
  setItems(byId("class-remarks"), results.remarks);
  byId("curves-section").hidden = !results.scales.length;
  if (results.scales.length)
    updatePlot(`${JSON.stringify(results)} ${byId("log").checked} ${darkScheme.matches}`, null);
  if (results.scales.length && plot?.panels.length) showChart();
  showTable("members", results.members.some((/** @type {any} */ member) => member.name) ? results.members : [], [
    ["Member", (member) => member.name ?? "without a key"],
    ["Status", (member) => statusOf(member)],
    ["Sweeps", (member) => String(member.sweeps)],
    ["Newest finished sweep", ({ newest_finished: id }) => (id ? linkTo(sweepsById().get(id)) : "none")],
  ]);
  showTable("values", results.scales, [
    ["Scale", (at) => formatScale(at.scale)],
    ["Mean (95 % interval)", (at) => formatInterval(at.val_accuracy, formatPercent)],
    ["Networks", (at) => String(at.networks)],
  ]);
  showTable("class-sweeps", results.sweeps, [
    ["Sweep", linkTo],
    ["By", (sweep) => sweep.submitter ?? "–"],
    ["Status", (sweep) => statusOf(sweep)],
    ["Runs succeeded", (sweep) => `${sweep.succeeded} of ${sweep.runs}`],
    ["In the mean", (sweep) => (sweep.pooled ? "yes" : "no, other settings")],
  ]);
}

/**
 * Show the rows of a table, or hide its section if there are none.
 * @param {string} id
 * @param {any[]} rows
 * @param {[string, (row: any) => string | Node][]} columns
 */
function showTable(id, rows, columns) {
  const table = byId(id);
  byId(`${id}-section`).hidden = !rows.length;
  // New rows would take the focus from a link, so they are created only if they differ.
  const content = JSON.stringify(rows);
  if (table.dataset.content === content) return;
  table.dataset.content = content;
  setColumns(
    table,
    columns.map(([name]) => name),
  );
  setRows(
    table,
    rows.map((row) => columns.map(([, format]) => format(row))),
  );
}

/** Show the chart and its legend. */
function showChart() {
  const { caption, panels, theme } = plot;
  const [panel] = panels;
  const names = sweepsById();
  // Plotly draws later traces in front of earlier ones, and the mean is the first curve.
  const traces = panel.curves.toReversed().flatMap((/** @type {any} */ curve) => {
    const sweep = names.get(curve.sweep_id);
    const name = sweep ? [sweepName(sweep), sweep.submitter].filter(Boolean).join(", ") : curve.name;
    const hidden = legend.isHidden(curve.style);
    const style = theme.styles[curve.style];
    return curveTraces(curve, { name, style, axis: panel.x_axis, hidden, unfinished: [], metric: "val_accuracy" });
  });
  /** @type {Map<string, any>} */
  const byStyle = new Map(panel.curves.map((/** @type {any} */ curve) => [curve.style, curve]));
  legend.show([...byStyle].map(([style, { name }]) => ({ key: style, name, colour: theme.styles[style].colour })));
  chart.show(traces, {
    panel,
    background: backgroundTraces(panel, theme),
    label: "Accuracy against scale, one thin line per sweep, and their mean. A table below lists the means.",
  });
  setText(byId("curves-note"), [caption.notes[0], caption.notes[1], backgroundNote(panel)].filter(Boolean).join(" "));
}

/** Return the sweeps by id. */
const sweepsById = () => new Map(results.sweeps.map((/** @type {any} */ sweep) => [sweep.id, sweep]));

/**
 * Create a link to the page of a sweep.
 * @param {any} sweep
 */
const linkTo = (sweep) => element("a", { href: `${ROOT}/ui/sweeps/${sweep.id}` }, sweepName(sweep));

/**
 * Create a mark for a status.
 * @param {{status: string}} of
 */
const statusOf = ({ status }) => element("span", { class: "status", "data-status": status }, status);

byId("log").addEventListener("change", draw);
offerPictures({ class: () => ({ path: "/plots/class", query: query(), name: "class" }) });
if (tag) {
  document.title = `${tag} - noisesweep`;
  setText(byId("class-title"), `Class ${tag}`);
  createPoller(readResults)();
  chart.load().catch(report);
} else {
  setText(byId("class-status"), "No tag selected. Follow the link of a tag on the page of a sweep.");
}
readCaller().catch(report);

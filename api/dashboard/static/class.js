// Sweeps of a class, which is all sweeps with one tag: in one chart, and in tables.

import { CurveChart, loadCharts } from "./charts/charts.js";
import { darkScheme, offerPictures, readPlot } from "./charts/plots.js";
import { get } from "./common/api.js";
import { readCaller } from "./common/caller.js";
import { byId, setText } from "./common/dom.js";
import { report } from "./common/errors.js";
import { formatInterval, formatPercent, formatScale } from "./common/format.js";
import { render } from "./common/lit.js";
import { createReader, followResource } from "./common/page.js";
import { throttle } from "./common/scheduling.js";
import { items, showTable, statusMark, sweepLink } from "./common/tables.js";
import { isFinal } from "./live/live.js";

const INTERVALS = [3_000, 15_000]; // ms

const tag = new URLSearchParams(location.search).get("tag");
const draw = throttle(show);
const chart = new CurveChart("curves", draw);
const updatePlot = createReader(readCurves, draw);
/** @type {any} Answer of GET /class. */
let results = null;
/** @type {any} Answer of GET /plots/class. */
let plot = null;

/**
 * Read the results.
 * @returns {Promise<boolean>} Whether the results may change soon.
 */
async function readResults() {
  results = await get(`/class?${new URLSearchParams([["tag", tag ?? ""]])}`).finally(() =>
    setText(byId("class-status"), ""),
  );
  return results.sweeps.some((/** @type {any} */ sweep) => !isFinal(sweep.status));
}

/** Read the curves. */
async function readCurves() {
  plot = await readPlot("/plots/class", [...query()], byId("curves"));
}

/** Return the query of the plot. */
const query = () => [
  ["tag", tag ?? ""],
  ["log", byId("log").checked],
];

/** Draw the page, and read the curves again if the results or an option have changed. */
function show() {
  if (!results) return;
  const { sentence, remarks, scales, members, sweeps } = results;
  setText(byId("class-sentence"), sentence);
  render(items(remarks), byId("class-remarks"));
  byId("curves-section").hidden = !scales.length;
  if (scales.length) updatePlot(`${JSON.stringify(results)} ${byId("log").checked} ${darkScheme.matches}`, null);
  if (scales.length && plot?.panels.length) chart.show(plot);
  showTable("members", members.some((/** @type {any} */ member) => member.name) ? members : [], [
    ["Member", (member) => member.name ?? "without a key"],
    ["Status", (member) => statusMark(member.status)],
    ["Sweeps", (member) => member.sweeps],
    ["Newest finished sweep", ({ newest_finished: id }) => (id ? sweepLink(sweepsById().get(id)) : "none")],
  ]);
  showTable("values", scales, [
    ["Scale", (at) => formatScale(at.scale)],
    ["Mean (95 % interval)", (at) => formatInterval(at.val_accuracy, formatPercent)],
    ["Networks", (at) => at.networks],
  ]);
  showTable(
    "class-sweeps",
    sweeps,
    [
      ["Sweep", (sweep) => sweepLink(sweep)],
      ["By", (sweep) => sweep.submitter ?? "–"],
      ["Status", (sweep) => statusMark(sweep.status)],
      ["Runs succeeded", (sweep) => `${sweep.succeeded} of ${sweep.runs}`],
      ["In the mean", (sweep) => (sweep.pooled ? "yes" : "no, other settings")],
    ],
    (sweep) => sweep.id,
  );
}

/** Return the sweeps by id. */
const sweepsById = () => new Map(results.sweeps.map((/** @type {any} */ sweep) => [sweep.id, sweep]));

byId("log").addEventListener("change", draw);
offerPictures({ class: () => ({ path: "/plots/class", query: query(), name: "class" }) });
if (tag) {
  document.title = `${tag} - noisesweep`;
  setText(byId("class-title"), `Class ${tag}`);
  followResource(readResults, draw, INTERVALS);
  loadCharts(draw).catch(report);
} else {
  setText(byId("class-status"), "No tag selected. Follow the link of a tag on the page of a sweep.");
}
readCaller().catch(report);

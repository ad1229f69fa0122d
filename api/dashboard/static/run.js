// Page of a run: its curves, its facts and its downloads.

import { download, get } from "./api.js";
import { readCaller } from "./caller.js";
import { Chart } from "./charts.js";
import { byId, setText, showText } from "./dom.js";
import { attempt, report } from "./errors.js";
import { deviceName, formatDuration, formatPercent, formatScale, formatTime } from "./format.js";
import { showConfusion } from "./heatmaps.js";
import { shareToken } from "./key.js";
import { Legend } from "./legend.js";
import { html, render } from "./lit.js";
import { isFinal } from "./live.js";
import { createReader, followResource } from "./page.js";
import { darkScheme, offerPictures, readPlot } from "./plots.js";
import { ROOT } from "./root.js";
import { throttle } from "./scheduling.js";
import { pairs } from "./tables.js";
import { epochTrace, markTraces } from "./traces.js";

const INTERVALS = [2_000, 15_000]; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const path = `/runs/${encodeURIComponent(id)}`;
const draw = throttle(show);
const charts = [
  { chart: new Chart(byId("accuracy"), draw), legend: new Legend(byId("accuracy-legend"), draw), format: ".1%" },
  { chart: new Chart(byId("loss"), draw, false), legend: new Legend(byId("loss-legend"), draw), format: ".4f" },
];
const updatePlot = createReader(readEpochs, draw);
/** @type {any} */
let run = null;
/** @type {any} */
let sweep = null;
/** @type {any} The plot of the epochs. */
let plot = null;

/**
 * Read the run, and once its sweep.
 * @returns {Promise<boolean>} Whether the run may have new epochs soon.
 */
async function readRun() {
  run = await get(path);
  sweep ??= await get(`/sweeps/${run.sweep_id}`);
  return !isFinal(run.status);
}

/** Read the curves. */
async function readEpochs() {
  plot = await readPlot(`${path}/plot`, [["kind", "epochs"]], byId("accuracy"));
}

/** Draw the page, and read the curves again if there are new epochs. */
function show() {
  if (!sweep) return;
  for (const part of ["actions", "content"]) byId(part).hidden = false;
  const title = `Run at scale ${formatScale(run.scale)}, seed ${run.seed}`;
  document.title = `${title} - noisesweep`;
  setText(byId("title"), title);
  setText(byId("run-id"), id);
  setText(byId("sweep"), sweep.name ?? sweep.id);
  byId("sweep").href = `${ROOT}/ui/sweeps/${sweep.id}${location.hash}`; // the hash may have the token of a share link
  byId("status").dataset.status = run.status;
  setText(byId("status"), run.status);
  showText(byId("detail"), run.error?.message ?? run.status_detail);
  byId("model").hidden = !run.links.model;
  render(pairs(describeRun()), byId("facts"));
  updatePlot(`${run.status} ${run.epochs_done} ${darkScheme.matches}`, undefined);
  if (run.status === "succeeded") showConfusion(id);
  if (plot) showCharts();
}

/**
 * Return what is known about the run besides its curves.
 * @returns {[string, unknown][]}
 */
function describeRun() {
  const { kept, latest_metrics: latest, config, reused_from: origin } = run;
  const ended = Date.parse(run.ended_at) - Date.parse(run.started_at);
  return [
    ["Epochs", `${run.epochs_done} of ${config.epochs}`],
    ["Training accuracy", formatPercent((kept?.metrics ?? latest)?.accuracy)],
    [`${kept ? "Test" : "Validation"} accuracy`, formatPercent(kept?.test_accuracy ?? latest?.val_accuracy)],
    ["Kept epoch", kept && `${kept.metrics.epoch}, counted from 0`],
    ["Reused from", shareToken ? origin : origin && html`<a href="${ROOT}/ui/runs/${origin}">${origin}</a>`],
    ["Worker", run.worker],
    ["Device", run.device && deviceName(run.device)],
    ["Attempts", run.attempts],
    ["Started", run.started_at && formatTime(run.started_at)],
    ["Ended", run.ended_at && formatTime(run.ended_at)],
    ["Duration", run.started_at && run.ended_at && formatDuration(ended / 1000)],
    ["Seconds per epoch", latest?.seconds.toPrecision(2)],
    ["Numerics version", run.numerics],
    ["SHA-256 of the weights", run.weights_sha256 && html`<code>${run.weights_sha256}</code>`],
  ];
}

/** Show the curves of accuracy and loss. */
function showCharts() {
  const { panels, theme } = plot;
  charts.forEach(({ chart, legend, format }, index) => {
    const panel = panels[index];
    const colourOf = (/** @type {any} */ curve) => theme.styles[curve.style].colour;
    const traces = panel.curves.map((/** @type {any} */ curve) => {
      const values = curve.points.map((/** @type {any} */ point) => point.mean);
      return epochTrace(values, {
        name: curve.name,
        colour: colourOf(curve),
        hidden: legend.isHidden(curve.style),
        format,
      });
    });
    legend.show(
      panel.curves.map((/** @type {any} */ curve) => ({
        key: curve.style,
        name: curve.name,
        colour: colourOf(curve),
      })),
    );
    chart.show([...traces, ...markTraces(panel, theme)], { panel, label: `${panel.y_axis.label} against epoch.` });
  });
  const marked = panels[0].marks.length && "Cross: smallest validation loss. Star: the epoch that is reported.";
  setText(byId("epochs-note"), marked || "");
}

byId("results").addEventListener("click", () => attempt(() => download(path, `${id}.json`)));
byId("model").addEventListener("click", () => attempt(() => download(`${path}/model`, `${id}.keras`)));
offerPictures({
  epochs: () => ({ path: `${path}/plot`, query: [["kind", "epochs"]], name: `${id}-epochs` }),
  confusion: () => ({ path: `${path}/plot`, query: [["kind", "confusion"]], name: `${id}-confusion` }),
});
followResource(readRun, draw, INTERVALS);
Promise.all(charts.map(({ chart }) => chart.load())).catch(report);
readCaller().catch(report);

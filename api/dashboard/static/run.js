// Page of a run: its curves, its facts and its downloads.

import { CurveChart, loadCharts } from "./charts/charts.js";
import { showConfusion } from "./charts/heatmaps.js";
import { darkScheme, offerPictures, readPlot } from "./charts/plots.js";
import { download, get } from "./common/api.js";
import { readCaller } from "./common/caller.js";
import { byId, setText, showText } from "./common/dom.js";
import { attempt, report } from "./common/errors.js";
import { deviceName, formatDuration, formatPercent, formatScale, formatTime } from "./common/format.js";
import { shareToken } from "./common/key.js";
import { html, render } from "./common/lit.js";
import { createReader, followResource } from "./common/page.js";
import { ROOT } from "./common/root.js";
import { throttle } from "./common/scheduling.js";
import { pairs } from "./common/tables.js";
import { isFinal } from "./live/live.js";

const INTERVALS = [2_000, 15_000]; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const path = `/runs/${encodeURIComponent(id)}`;
const draw = throttle(show);
const charts = [new CurveChart("accuracy", draw), new CurveChart("loss", draw)];
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
  if (plot) for (const [index, chart] of charts.entries()) chart.show(plot, { panel: plot.panels[index] });
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

byId("results").addEventListener("click", () => attempt(() => download(path, `${id}.json`)));
byId("model").addEventListener("click", () => attempt(() => download(`${path}/model`, `${id}.keras`)));
offerPictures({
  epochs: () => ({ path: `${path}/plot`, query: [["kind", "epochs"]], name: `${id}-epochs` }),
  confusion: () => ({ path: `${path}/plot`, query: [["kind", "confusion"]], name: `${id}-confusion` }),
});
followResource(readRun, draw, INTERVALS);
loadCharts(draw).catch(report);
readCaller().catch(report);

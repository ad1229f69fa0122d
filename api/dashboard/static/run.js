// Page of a run: its curves, its facts and its downloads.

import { download, get } from "./api.js";
import { readCaller } from "./caller.js";
import { Chart } from "./charts.js";
import { byId, element, setPairs, setText, showText } from "./dom.js";
import { attempt, report } from "./errors.js";
import { deviceName, formatDuration, formatPercent, formatScale, formatTime } from "./format.js";
import { showConfusion } from "./heatmaps.js";
import { shareToken } from "./key.js";
import { Legend } from "./legend.js";
import { isFinal } from "./live.js";
import { darkScheme, offerPictures, readPlot } from "./plots.js";
import { coalesce, isTransient } from "./retries.js";
import { ROOT } from "./root.js";
import { createPoller, throttle } from "./scheduling.js";
import { epochTrace, markTraces } from "./traces.js";

const [ACTIVE_INTERVAL, IDLE_INTERVAL] = [2_000, 15_000]; // ms

const id = location.pathname.split("/").at(-1) ?? "";
const path = `/runs/${encodeURIComponent(id)}`;
const draw = throttle(show);
const charts = [
  { chart: new Chart(byId("accuracy"), draw), legend: new Legend(byId("accuracy-legend"), draw), format: ".1%" },
  { chart: new Chart(byId("loss"), draw, false), legend: new Legend(byId("loss-legend"), draw), format: ".4f" },
];
const updatePlot = coalesce(readEpochs, showFailure);
/** @type {any} */
let run = null;
/** @type {any} The plot of the epochs. */
let plot = null;

/**
 * Show the failure of a request. Transient failures are retried.
 * @param {unknown} problem
 */
function showFailure(problem) {
  if (!isTransient(problem)) return report(problem);
  showText(byId("connection"), "The service does not respond. This page continues when it responds again.");
}

/**
 * Read the run and show it.
 * @returns {Promise<number>} Delay before the next read, ms.
 */
async function readRun() {
  try {
    run = await get(path);
    if (!byId("sweep").textContent) await showSweep(run.sweep_id);
    showText(byId("connection"), "");
    draw();
  } catch (problem) {
    showFailure(problem);
  }
  return run && isFinal(run.status) ? IDLE_INTERVAL : ACTIVE_INTERVAL;
}

/**
 * Name the sweep of the run, and link to it.
 * @param {string} sweepId
 */
async function showSweep(sweepId) {
  const link = byId("sweep");
  link.href = `${ROOT}/ui/sweeps/${sweepId}${location.hash}`; // the hash may have the token of a share link
  setText(link, (await get(`/sweeps/${sweepId}`)).name ?? sweepId);
}

/** Read the curves and draw them. */
async function readEpochs() {
  plot = await readPlot(`${path}/plot`, [["kind", "epochs"]], byId("accuracy"));
  if (run.status === "succeeded") await showConfusion(id);
  draw();
}

/** Draw the page, and read the curves again if there are new epochs. */
function show() {
  if (!run) return;
  for (const part of ["actions", "content"]) byId(part).hidden = false;
  const title = `Run at scale ${formatScale(run.scale)}, seed ${run.seed}`;
  document.title = `${title} - noisesweep`;
  setText(byId("title"), title);
  setText(byId("run-id"), id);
  byId("status").dataset.status = run.status;
  setText(byId("status"), run.status);
  showText(byId("detail"), run.error?.message ?? run.status_detail);
  byId("model").hidden = !run.links.model;
  showFacts();
  updatePlot(`${run.status} ${run.epochs_done} ${darkScheme.matches}`, undefined);
  if (plot) showCharts();
}

/** Show what is known about the run besides its curves. */
function showFacts() {
  const { kept, latest_metrics: latest, config } = run;
  const ended = Date.parse(run.ended_at) - Date.parse(run.started_at);
  const link = (/** @type {string} */ other) => element("a", { href: `${ROOT}/ui/runs/${other}` }, other);
  /** @type {[string, any][]} */
  const facts = [
    ["Epochs", `${run.epochs_done} of ${config.epochs}`],
    ["Training accuracy", formatPercent((kept?.metrics ?? latest)?.accuracy)],
    [`${kept ? "Test" : "Validation"} accuracy`, formatPercent(kept?.test_accuracy ?? latest?.val_accuracy)],
    ["Kept epoch", kept && `${kept.metrics.epoch}, counted from 0`],
    ["Reused from", shareToken ? run.reused_from : run.reused_from && link(run.reused_from)],
    ["Worker", run.worker],
    ["Device", run.device && deviceName(run.device)],
    ["Attempts", run.attempts && String(run.attempts)],
    ["Started", run.started_at && formatTime(run.started_at)],
    ["Ended", run.ended_at && formatTime(run.ended_at)],
    ["Duration", run.started_at && run.ended_at && formatDuration(ended / 1000)],
    ["Seconds per epoch", latest?.seconds.toPrecision(2)],
    ["Numerics version", run.numerics && String(run.numerics)],
    ["SHA-256 of the weights", run.weights_sha256 && element("code", {}, run.weights_sha256)],
  ];
  // New elements would take the focus from a link, so they are created only if they differ.
  const content = JSON.stringify([run.status, run.epochs_done, run.attempts, run.worker]);
  if (byId("facts").dataset.content === content) return;
  byId("facts").dataset.content = content;
  setPairs(
    byId("facts"),
    facts.filter(([, value]) => value),
  );
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
createPoller(readRun)();
Promise.all(charts.map(({ chart }) => chart.load())).catch(report);
readCaller().catch(report);

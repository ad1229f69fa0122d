// Results of the runs that have succeeded: metrics per scale, the train/test matrix and the confusion matrix.

import { get } from "./api.js";
import { byId, element, setColumns, setItems, setRows, setText } from "./dom.js";
import { attempt } from "./errors.js";
import { formatInterval, formatNoise, formatPercent, formatPoints, formatScale } from "./format.js";

/**
 * Show the metrics per scale and those of the whole sweep.
 * @param {any} summary Answer of GET /sweeps/{id}/summary.
 */
export function showMetrics(summary) {
  byId("metrics-section").hidden = !summary.scales.length;
  setText(
    byId("method"),
    `${summary.method[0].toUpperCase()}${summary.method.slice(1)}. Gaps and drop are in percentage points.`,
  );
  setRows(
    byId("metrics"),
    summary.scales.map(
      (
        /** @type {any} */ { scale, accuracy, val_accuracy, noise_gap: noise, image_gap: image, drop_from_clean: drop },
      ) => [
        formatScale(scale),
        String(val_accuracy.seeds),
        formatInterval(accuracy, formatPercent),
        formatInterval(val_accuracy, formatPercent),
        noise ? formatInterval(noise, formatPoints) : "",
        image ? formatInterval(image, formatPoints) : "",
        drop ? formatInterval(drop, formatPoints) : "",
      ],
    ),
  );
  const metrics = [];
  if (summary.half_way) {
    const level = formatPercent(summary.half_way.level);
    metrics.push([
      `Half-way scale, where the accuracy is ${level}`,
      formatInterval(summary.half_way.scale, (scale) => String(Number(scale.toPrecision(3)))),
    ]);
  }
  if (summary.area) {
    const { from_scale: from, to_scale: to, val_accuracy: area } = summary.area;
    metrics.push([
      `Mean accuracy from scale ${formatScale(from)} to ${formatScale(to)}, over the logarithm of the scale`,
      formatInterval(area, formatPercent),
    ]);
  }
  if (summary.efficiency) {
    const { level, interval, by_level: others } = summary.efficiency;
    const range = (/** @type {any} */ ends) => [...new Set([ends.low, ends.high].map(formatPercent))].join(" to ");
    const bounds = interval ? ` (95 % interval ${range(interval)})` : "";
    const elsewhere = others.map((/** @type {any} */ at) => `${range(at)} at ${formatPercent(at.level)}`).join(", ");
    metrics.push(
      [`Efficiency, where the accuracy is ${formatPercent(level)}`, `${range(summary.efficiency)}${bounds}`],
      ["Efficiency at other accuracies", elsewhere],
    );
  }
  byId("sweep-metrics").replaceChildren(
    ...metrics.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/**
 * Show the remarks of a summary.
 * @param {any} summary Answer of GET /sweeps/{id}/summary.
 */
export function showRemarks(summary) {
  byId("remarks").hidden = !summary.remarks.length;
  setItems(byId("remarks").lastElementChild, summary.remarks);
}

/**
 * Show the train/test matrix.
 * @param {any} matrix From GET /sweeps/{id}/results. It is null before a run has succeeded.
 */
export function showMatrix(matrix) {
  byId("matrix-section").hidden = !matrix;
  if (!matrix) return;
  const table = byId("matrix");
  const kinds = matrix.test_noise.map((/** @type {string} */ kind) =>
    kind === matrix.test_noise[0] ? "" : `${formatNoise(kind)} `,
  );
  const columns = matrix.test_scales.map(
    (/** @type {number} */ scale, /** @type {number} */ column) => kinds[column] + formatScale(scale),
  );
  setColumns(table, ["trained at", ...columns]);
  setRows(
    table,
    matrix.train_scales.map((/** @type {number} */ scale, /** @type {number} */ row) => [
      formatScale(scale),
      ...matrix.val_accuracy[row].map((/** @type {number | null} */ value) =>
        value === null ? "–" : formatPercent(value),
      ),
    ]),
  );
  colourCells(table, (row, column) => matrix.val_accuracy[row][column] ?? 0);
}

/** Id of the run that the user selected for the confusion matrix, or "". */
let selectedRun = "";

/**
 * List the runs that have succeeded, and show the confusion matrix of one.
 * @param {any} sweep
 * @param {string[]} classNames
 */
export async function showConfusions(sweep, classNames) {
  const succeeded = sweep.runs.filter((/** @type {any} */ run) => run.status === "succeeded");
  byId("confusion-section").hidden = !succeeded.length;
  if (!succeeded.length) return;
  const select = byId("confusion-run");
  const label = (/** @type {any} */ run) =>
    `scale ${formatScale(run.scale)}${sweep.seeds.length > 1 ? `, seed ${run.seed}` : ""}`;
  if (select.options.length !== succeeded.length) {
    succeeded.sort(
      (/** @type {any} */ one, /** @type {any} */ other) => one.scale - other.scale || one.seed - other.seed,
    );
    select.replaceChildren(
      ...succeeded.map((/** @type {any} */ run) => element("option", { value: run.id }, label(run))),
    );
    // The run with the largest scale is the default, because it confuses the most images.
    select.value = selectedRun || succeeded.at(-1).id;
  }
  const show = () => showConfusion(select.value, classNames);
  select.onchange = () => {
    selectedRun = select.value;
    attempt(show);
  };
  await show();
}

/**
 * Show the confusion matrix of a run, unless it is already shown.
 * @param {string} runId
 * @param {string[]} names Name of each class.
 */
async function showConfusion(runId, names) {
  const table = byId("confusion");
  if (table.dataset.run === runId) return;
  const { confusion } = (await get(`/runs/${runId}`)).evaluation;
  if (byId("confusion-run").value !== runId) return;
  setColumns(table, ["true class", ...names]);
  setRows(
    table,
    confusion.map((/** @type {number[]} */ row, /** @type {number} */ label) => [names[label], ...row.map(String)]),
  );
  const sums = confusion.map((/** @type {number[]} */ row) => row.reduce((sum, images) => sum + images, 0) || 1);
  colourCells(table, (row, column) => confusion[row][column] / sums[row]);
  table.dataset.run = runId;
}

/**
 * Colour the cells of a table as a heatmap.
 * @param {any} table
 * @param {(row: number, column: number) => number} valueAt Returns 0 (background colour) to 1 (full colour).
 */
export function colourCells(table, valueAt) {
  [...table.tBodies[0].rows].forEach((row, rowIndex) => {
    [...row.cells].slice(1).forEach((cell, column) => {
      const value = valueAt(rowIndex, column);
      // Neither text colour is readable on an opacity between 0.6 and 0.7, so no cell gets one.
      const strong = value >= 0.5;
      cell.style.setProperty("--opacity", strong ? 0.4 + 0.6 * value : 1.2 * value);
      cell.classList.toggle("strong", strong);
    });
  });
}

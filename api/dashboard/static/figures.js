// What follows from the runs that have succeeded: figures by scale, the matrix, the confusion.

import { get } from "./api.js";
import { colour } from "./charts.js";
import { byId, element, fillHead, fillRows, write } from "./dom.js";
import { attempt } from "./faults.js";
import { percent, points, shortest, wordsOfScale } from "./words.js";

/** @param {any} interval @param {(value: number) => string} written */
function withEnds({ mean, low, high }, written) {
  return low === null ? written(mean) : `${written(mean)} (${written(low)} to ${written(high)})`;
}

/** @param {any} summary That of GET /sweeps/{id}/summary. */
export function showFigures(summary) {
  byId("figures-section").hidden = !summary.scales.length;
  write(
    byId("method"),
    `${summary.method[0].toUpperCase()}${summary.method.slice(1)}. Gap and drop are in percentage points.`,
  );
  fillRows(
    byId("figures"),
    summary.scales.map(
      (/** @type {any} */ { scale, accuracy, val_accuracy, generalisation_gap: gap, drop_from_clean: drop }) => [
        wordsOfScale(scale),
        String(val_accuracy.seeds),
        withEnds(accuracy, percent),
        withEnds(val_accuracy, percent),
        withEnds(gap, points),
        drop ? withEnds(drop, points) : "",
      ],
    ),
  );
  const whole = [];
  if (summary.half_way) {
    const level = percent(summary.half_way.level);
    whole.push([
      `Half-way scale, where ${level} are right`,
      withEnds(summary.half_way.scale, (scale) => shortest(Number(scale.toPrecision(3)))),
    ]);
  }
  if (summary.area) {
    const { from_scale: from, to_scale: to, val_accuracy: area } = summary.area;
    whole.push([
      `Mean over scales ${wordsOfScale(from)} to ${wordsOfScale(to)}, by their logarithm`,
      withEnds(area, percent),
    ]);
  }
  byId("whole-figures").replaceChildren(
    ...whole.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/** @param {any} summary */
export function showRemarks(summary) {
  byId("remarks").hidden = !summary.remarks.length;
  byId("remarks").lastElementChild.replaceChildren(
    ...summary.remarks.map((/** @type {string} */ remark) => element("li", {}, remark)),
  );
}

/** @param {any} matrix That of GET /sweeps/{id}/results, null before a run has succeeded. */
export function showMatrix(matrix) {
  byId("matrix-section").hidden = !matrix;
  if (!matrix) return;
  const table = byId("matrix");
  fillHead(table, ["trained at", ...matrix.test_scales.map(wordsOfScale)]);
  fillRows(
    table,
    matrix.train_scales.map((/** @type {number} */ scale, /** @type {number} */ row) => [
      wordsOfScale(scale),
      ...matrix.val_accuracy[row].map((/** @type {number | null} */ value) => (value === null ? "–" : percent(value))),
    ]),
  );
  heat(table, (row, column) => matrix.val_accuracy[row][column] ?? 0);
}

/** The run that a person has chosen. */
let chosen = "";

/** Offer the runs that have succeeded, and show one. @param {any} sweep */
export async function showConfusions(sweep) {
  const done = sweep.runs.filter((/** @type {any} */ run) => run.status === "succeeded");
  byId("confusion-section").hidden = !done.length;
  if (!done.length) return;
  const select = byId("confusion-run");
  const name = (/** @type {any} */ run) =>
    `scale ${wordsOfScale(run.scale)}${sweep.seeds.length > 1 ? `, seed ${run.seed}` : ""}`;
  if (select.options.length !== done.length) {
    done.sort((/** @type {any} */ one, /** @type {any} */ other) => one.scale - other.scale || one.seed - other.seed);
    select.replaceChildren(...done.map((/** @type {any} */ run) => element("option", { value: run.id }, name(run))));
    // The noisiest has the most to show.
    select.value = chosen || done.at(-1).id;
  }
  const show = () => showConfusion(select.value, sweep.config.dataset);
  select.onchange = () => {
    chosen = select.value;
    attempt(show);
  };
  await show();
}

/** @param {string} runId @param {string} dataset */
async function showConfusion(runId, dataset) {
  const table = byId("confusion");
  if (table.dataset.run === runId) return;
  const [run, { datasets }] = await Promise.all([get(`/runs/${runId}`), get("/datasets")]);
  if (byId("confusion-run").value !== runId) return;
  const names = datasets.find((/** @type {any} */ each) => each.name === dataset).class_names;
  const { confusion } = run.evaluation;
  fillHead(table, ["true class", ...names]);
  fillRows(
    table,
    confusion.map((/** @type {number[]} */ row, /** @type {number} */ label) => [names[label], ...row.map(String)]),
  );
  const sums = confusion.map((/** @type {number[]} */ row) => row.reduce((sum, images) => sum + images, 0) || 1);
  heat(table, (row, column) => confusion[row][column] / sums[row]);
  table.dataset.run = runId;
}

/**
 * Colour the cells of a table, from paper at 0 to full at 1.
 * @param {any} table
 * @param {(row: number, column: number) => number} valueAt
 */
function heat(table, valueAt) {
  const channels = colour("heat");
  [...table.tBodies[0].rows].forEach((row, at) =>
    [...row.cells].slice(1).forEach((cell, column) => {
      const value = valueAt(at, column);
      // On the shades from 0.6 to 0.7 neither ink could be read well: no cell has them.
      const strong = value >= 0.5;
      cell.style.backgroundColor = `rgba(${channels}, ${strong ? 0.4 + 0.6 * value : 1.2 * value})`;
      cell.classList.toggle("strong", strong);
    }),
  );
}

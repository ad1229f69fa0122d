// Heatmaps of the API's plots as tables: the train/test matrix, confusion matrices, and noise of other kinds.

import { byId, element, setColumns, setRows } from "./dom.js";
import { attempt } from "./errors.js";
import { formatScale } from "./format.js";
import { readPlot } from "./plots.js";

/**
 * Show the cells of a plot, in the colours of its picture.
 * @param {any} table
 * @param {string} corner Header of the first column.
 * @param {any} plot A plot with one panel of cells.
 */
export function showHeatmap(table, corner, { panels: [{ cells }], theme }) {
  const { rows, columns, values, outlined, texts } = cells;
  setColumns(table, [corner, ...columns.names]);
  setRows(
    table,
    rows.names.map((/** @type {string} */ name, /** @type {number} */ row) => [name, ...texts[0][row]]),
  );
  [...table.tBodies[0].rows].forEach((line, row) => {
    [...line.cells].slice(1).forEach((cell, column) => {
      const value = values[row][column];
      if (value === null) {
        cell.append("–");
        return;
      }
      const step = Math.min(Math.floor(value * theme.heatmap.length), theme.heatmap.length - 1);
      cell.style.backgroundColor = theme.heatmap[step].fill;
      cell.style.color = theme.heatmap[step].ink;
      cell.classList.toggle("outlined", outlined[row] === column);
    });
  });
}

/**
 * Show the train/test matrix of a sweep, or nothing before a run has succeeded.
 * @param {any} sweep
 */
export async function showMatrix({ id }) {
  const plot = await readPlot(`/sweeps/${id}/plot`, [["kind", "matrix"]], null);
  byId("matrix-section").hidden = !plot.panels.length;
  if (plot.panels.length) showHeatmap(byId("matrix"), "trained at", plot);
}

/**
 * Show the confusion matrix of a run, unless the table already has it or the run has none.
 * @param {string} runId
 * @param {() => boolean} isWanted Returns false if another matrix was requested in the meantime.
 */
export async function showConfusion(runId, isWanted = () => true) {
  const table = byId("confusion");
  if (table.dataset.run === runId) return;
  const plot = await readPlot(`/runs/${runId}/plot`, [["kind", "confusion"]], null);
  if (!isWanted() || !plot.panels.length) return;
  byId("confusion-section").hidden = false;
  showHeatmap(table, "true class", plot);
  table.dataset.run = runId;
}

/** Id of the run that the user selected for the confusion matrix, or "". */
let selectedRun = "";

/**
 * List the runs that have succeeded, and show the confusion matrix of one.
 * @param {any} sweep
 */
export async function showConfusions(sweep) {
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
  const show = () => {
    const { value } = select;
    return showConfusion(value, () => select.value === value);
  };
  select.onchange = () => {
    selectedRun = select.value;
    attempt(show);
  };
  await show();
}

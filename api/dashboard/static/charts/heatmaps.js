// Heatmaps of the API's plots as tables: the train/test matrix, confusion matrices, and noise of other kinds.

import { byId } from "../common/dom.js";
import { formatScale } from "../common/format.js";
import { html, nothing, render } from "../common/lit.js";
import { createReader } from "../common/page.js";
import { sortRuns } from "../live/live.js";
import { readPlot } from "./plots.js";

/** @import { Sweep } from "../live/live.js" */

/**
 * Return the cells of a plot as a table, in the colours of its picture.
 * @param {string} corner Header of the first column.
 * @param {any} plot A plot with one panel of cells.
 */
export function heatmap(corner, { panels: [{ cells }], theme: { heatmap: steps } }) {
  const { rows, columns, values, outlined, texts } = cells;
  const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
    const value = values[row][column];
    if (value === null) return html`<td>–</td>`;
    const { fill, ink } = steps[Math.min(Math.floor(value * steps.length), steps.length - 1)];
    return html`<td class=${outlined[row] === column ? "outlined" : nothing}
      .style=${`background-color: ${fill}; color: ${ink}`}>${texts[0][row][column]}</td>`;
  };
  const header = (/** @type {string} */ scope) => (/** @type {string} */ name) => html`<th scope=${scope}>${name}</th>`;
  return html`
    <thead><tr>${[corner, ...columns.names].map(header("col"))}</tr></thead>
    <tbody>${rows.names.map(
      (/** @type {string} */ name, /** @type {number} */ row) =>
        html`<tr>${header("row")(name)}${columns.names.map((/** @type {string} */ _, /** @type {number} */ column) => cell(row, column))}</tr>`,
    )}</tbody>`;
}

/**
 * Return a function that reads the heatmap of its argument and shows it in a table, unless the plot is empty.
 * @template Argument
 * @param {string} id Id of the table.
 * @param {string} corner
 * @param {(argument: Argument) => Promise<any>} read
 */
const heatmapReader = (id, corner, read) =>
  createReader(async (/** @type {Argument} */ argument) => {
    const plot = await read(argument);
    if (!plot.panels.length) return;
    byId(`${id}-section`).hidden = false;
    render(heatmap(corner, plot), byId(id));
  });

/** Show the train/test matrix of a sweep after a run has succeeded. */
export const updateMatrix = heatmapReader("matrix", "trained at", (/** @type {Sweep} */ { id }) =>
  readPlot(`/sweeps/${id}/plot`, [["kind", "matrix"]], null),
);

const updateConfusion = heatmapReader("confusion", "true class", (/** @type {string} */ runId) =>
  readPlot(`/runs/${runId}/plot`, [["kind", "confusion"]], null),
);

/**
 * Show the confusion matrix of a run that has succeeded, once.
 * @param {string} runId
 */
export const showConfusion = (runId) => updateConfusion(runId, runId);

/** Id of the run that the user selected for the confusion matrix, or "". */
let selectedRun = "";

/**
 * List the runs that have succeeded, and show the confusion matrix of one.
 * @param {Sweep} sweep
 */
export function showConfusions({ runs, seeds }) {
  const succeeded = sortRuns(runs.filter(({ status }) => status === "succeeded"));
  if (!succeeded.length) return;
  const select = byId("confusion-run");
  if (select.options.length !== succeeded.length) {
    const label = (/** @type {any} */ { scale, seed }) =>
      `scale ${formatScale(scale)}${seeds.length > 1 ? `, seed ${seed}` : ""}`;
    render(
      succeeded.map((run) => html`<option value=${run.id}>${label(run)}</option>`),
      select,
    );
    // The run with the largest scale is the default, because it confuses the most images.
    select.value = selectedRun || succeeded.at(-1).id;
    select.onchange = () => {
      selectedRun = select.value;
      showConfusion(selectedRun);
    };
  }
  showConfusion(select.value);
}

// Plot data of the API, extended with the newest epochs. Curves, axes and colours come from the API.

import { download, get } from "./api.js";
import { attempt } from "./errors.js";
import { formatScale } from "./format.js";

/** @typedef {{x: number, mean: number, low: number | null, high: number | null, seeds: number,
 *   target: "seeds" | "images" | null}} Point */
/** @typedef {{name: string, style: string, points: Point[], starts_apart: boolean}} Curve */

export const darkScheme = matchMedia("(prefers-color-scheme: dark)");

// With this resolution, axis labels have the font size of the page.
const PIXELS_PER_INCH = 96;
const [MIN_INCHES, MAX_INCHES] = [2, 12];
/** Size of a chart before print.css scales it down, px. Two such charts fit side by side on A4 and on Letter paper. */
export const PAPER_SIZE = { width: 460, height: 280 };

/**
 * Read the data of a plot, with ticks and colours that suit an element of the page, or paper.
 * @param {string} path
 * @param {string[][]} query
 * @param {HTMLElement | null} container null reads the data for white paper.
 * @returns {Promise<any>}
 */
export function readPlot(path, query, container) {
  const inches = (container?.clientWidth ?? PAPER_SIZE.width) / PIXELS_PER_INCH;
  const width = Math.min(Math.max(inches, MIN_INCHES), MAX_INCHES).toFixed(1);
  const theme = container && darkScheme.matches ? "dark" : "light";
  return get(`${path}?${new URLSearchParams([...query, ["format", "json"], ["theme", theme], ["width", width]])}`);
}

/** @typedef {{path: string, query: any[][], name: string}} Picture `query` is without the format, and `name` is the
 *   name of the file without a suffix. */

/**
 * Make the picture buttons of the page save the plots that their `data-plot` names.
 * @param {Record<string, () => Picture>} pictures By `data-plot`. Called when a button is clicked.
 */
export function offerPictures(pictures) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-plot]"))) {
    const { plot = "", format = "" } = button.dataset;
    button.addEventListener("click", () =>
      attempt(() => {
        const { path, query, name } = pictures[plot]();
        return download(`${path}?${new URLSearchParams([...query, ["format", format]])}`, `${name}.${format}`);
      }),
    );
  }
}

/**
 * Return the latest epochs of runs that a plot against scale does not include yet.
 * @param {any[]} runs
 * @param {Set<string>} plotted Ids of the runs that had succeeded when the plot was read.
 * @param {any} axis
 * @returns {{x: number, label: string, metrics: any}[]}
 */
export function unfinishedPoints(runs, plotted, axis) {
  const positions = new Map(axis.scales.map((/** @type {any} */ tick) => [tick.scale, tick.position]));
  return runs
    .filter((run) => run.latest_metrics && !plotted.has(run.id) && positions.has(run.scale))
    .map((run) => ({
      x: positions.get(run.scale),
      label: `scale ${formatScale(run.scale)}, seed ${run.seed}, ${run.status}`,
      metrics: run.latest_metrics,
    }));
}

/**
 * Return the ids of the runs that have succeeded.
 * @param {any[]} runs
 * @returns {Set<string>}
 */
export const succeededIds = (runs) => new Set(runs.filter((run) => run.status === "succeeded").map((run) => run.id));

/**
 * Return the label of each position on an axis of scales.
 * @param {any} axis
 * @returns {Map<number, string>}
 */
export const axisLabels = (axis) =>
  new Map(axis.scales.map((/** @type {any} */ tick) => [tick.position, `scale ${formatScale(tick.scale)}`]));

/**
 * Return a curve against the epoch, extended with the epochs received since its plot was read.
 * @param {any} plot
 * @param {any} panel A panel of the plot. It belongs to one scale.
 * @param {string} style Line style of the curve: "training" or "validation".
 * @param {any[]} runs By index.
 * @param {Map<string, any[]>} epochs Metrics of the received epochs, by run id.
 * @returns {{means: number[], seeds: number[]}} For each epoch, the mean over the seeds that have finished it, and
 *   their number.
 */
export function extendCurve(plot, panel, style, runs, epochs) {
  const { points } = panel.curves.find((/** @type {Curve} */ curve) => curve.style === style);
  const means = points.map((/** @type {Point} */ point) => point.mean);
  const seeds = points.map((/** @type {Point} */ point) => point.seeds);
  const metric = style === "training" ? "accuracy" : "val_accuracy";
  runs.forEach((run, index) => {
    if (run.scale !== panel.scale) return;
    const received = epochs.get(run.id) ?? [];
    for (let epoch = plot.epochs_done[index] ?? 0; received[epoch]; epoch += 1) {
      seeds[epoch] = (seeds[epoch] ?? 0) + 1;
      means[epoch] = (means[epoch] ?? 0) + (received[epoch][metric] - (means[epoch] ?? 0)) / seeds[epoch];
    }
  });
  return { means, seeds };
}

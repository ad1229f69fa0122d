// Plot data of the API, extended with the newest epochs. Curves, axes and colours come from the API.

import { download, get } from "../common/api.js";
import { attempt } from "../common/errors.js";
import { formatScale } from "../common/format.js";

/** @typedef {{x: number, mean: number, low: number | null, high: number | null, seeds: number,
 *   target: "seeds" | "images" | null}} Point */
/** @typedef {{name: string, label: string | null, style: string, points: Point[], starts_apart: boolean,
 *   sweep_id: string | null}} Curve */

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
 * Return the metric that a curve shows.
 * @param {string} style Line style of the curve.
 */
const metricOf = (style) => (style === "training" ? "accuracy" : "val_accuracy");

/**
 * Return the latest epochs of runs that a curve against scale does not include yet.
 * @param {any[]} runs
 * @param {Set<string>} plotted Ids of the runs that had succeeded when the plot was read.
 * @param {any} axis
 * @param {Curve} curve
 * @returns {{x: number, y: number, label: string}[]}
 */
export function unfinishedPoints(runs, plotted, axis, { style }) {
  const positions = new Map(axis.scales.map((/** @type {any} */ tick) => [tick.scale, tick.position]));
  return runs
    .filter((run) => run.latest_metrics && !plotted.has(run.id) && positions.has(run.scale))
    .map((run) => ({
      x: positions.get(run.scale),
      y: run.latest_metrics[metricOf(style)],
      label: `scale ${formatScale(run.scale)}, seed ${run.seed}, ${run.status}`,
    }));
}

/**
 * Return the ids of the runs that have succeeded.
 * @param {any[]} runs
 * @returns {Set<string>}
 */
export const succeededIds = (runs) => new Set(runs.filter((run) => run.status === "succeeded").map((run) => run.id));

/**
 * Return a plot by epoch, which has a panel for each scale, with one panel that has a curve for each scale.
 * @param {any} plot
 * @param {string} style Line style of the curves: "training" or "validation".
 * @param {any[]} runs By index.
 * @param {Map<string, any[]>} epochs Metrics of the received epochs, by run id. They extend the curves.
 */
export function extendPanels({ panels, panel_colours: colours, epochs_done, theme }, style, runs, epochs) {
  const curves = panels.map((/** @type {any} */ panel) => ({
    name: formatScale(panel.scale),
    label: panel.title,
    style: panel.title,
    points: extendCurve(panel, epochs_done, style, runs, epochs),
  }));
  const styles = Object.fromEntries(
    panels.map((/** @type {any} */ { title }, /** @type {number} */ index) => [
      title,
      { colour: colours[index], marker: "o" },
    ]),
  );
  return { panels: [{ ...panels[0], curves, marks: [], notes: [] }], theme: { ...theme, styles } };
}

/**
 * Return the points of a curve against the epoch, with the epochs received since its plot was read.
 * @param {any} panel The panel of the scale.
 * @param {number[]} done Number of epochs of each run in the plot.
 * @param {string} style
 * @param {any[]} runs By index.
 * @param {Map<string, any[]>} epochs
 * @returns {{x: number, mean: number, seeds: number}[]} For each epoch, the mean over the seeds that have finished it.
 */
function extendCurve({ scale, curves }, done, style, runs, epochs) {
  const points = [...curves.find((/** @type {Curve} */ curve) => curve.style === style).points];
  runs.forEach((run, index) => {
    if (run.scale !== scale) return;
    const received = epochs.get(run.id) ?? [];
    for (let x = done[index] ?? 0; received[x]; x += 1) {
      const { mean, seeds } = points[x] ?? { mean: 0, seeds: 0 };
      points[x] = { x, mean: mean + (received[x][metricOf(style)] - mean) / (seeds + 1), seeds: seeds + 1 };
    }
  });
  return points;
}

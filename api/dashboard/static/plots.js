// The data of plots, as the API answers them, and what has happened since: curves, axes and colours are the API's.

import { get } from "./api.js";
import { wordsOfScale } from "./words.js";

/** @typedef {{x: number, mean: number, low: number | null, high: number | null, seeds: number}} Point */
/** @typedef {{name: string, style: string, points: Point[], starts_apart: boolean}} Curve */

export const dark = matchMedia("(prefers-color-scheme: dark)");

// CSS pixels an inch: the labels of axes are then of the size that the page writes in.
const PIXELS = 96;
const [LEAST_INCHES, MOST_INCHES] = [2, 12];

/**
 * Read the data of a plot, with the ticks and colours for an element of the page.
 * @param {string} path
 * @param {string[][]} query
 * @param {HTMLElement} place
 * @returns {Promise<any>}
 */
export function readPlot(path, query, place) {
  const width = Math.min(Math.max(place.clientWidth / PIXELS, LEAST_INCHES), MOST_INCHES).toFixed(1);
  const theme = dark.matches ? "dark" : "light";
  return get(`${path}?${new URLSearchParams([...query, ["format", "json"], ["theme", theme], ["width", width]])}`);
}

/**
 * The latest epochs of runs that a plot against scale does not have yet.
 * @param {any[]} runs
 * @param {Set<string>} plotted The ids of runs that had succeeded when the plot was read.
 * @param {any} axis
 * @returns {{x: number, label: string, metrics: any}[]}
 */
export function runsUnderWay(runs, plotted, axis) {
  const positions = new Map(axis.scales.map((/** @type {any} */ at) => [at.scale, at.position]));
  return runs
    .filter((run) => run.latest_metrics && !plotted.has(run.id) && positions.has(run.scale))
    .map((run) => ({
      x: positions.get(run.scale),
      label: `scale ${wordsOfScale(run.scale)}, seed ${run.seed}, ${run.status}`,
      metrics: run.latest_metrics,
    }));
}

/** The ids of runs that have succeeded. @param {any[]} runs @returns {Set<string>} */
export const succeeded = (runs) => new Set(runs.filter((run) => run.status === "succeeded").map((run) => run.id));

/** What stands at the positions of an axis of scales, in words. @param {any} axis @returns {Map<number, string>} */
export const labelsOf = (axis) =>
  new Map(axis.scales.map((/** @type {any} */ at) => [at.position, `scale ${wordsOfScale(at.scale)}`]));

/**
 * A curve against the epoch, with the epochs that were told of after its plot was read.
 * @param {any} plot
 * @param {any} panel One of its panels, which is of one scale.
 * @param {string} style Of which of its curves.
 * @param {any[]} runs By index.
 * @param {Map<string, any[]>} epochs By the run's id.
 * @returns {number[]} The mean over the seeds that have come to each epoch.
 */
export function grownCurve(plot, panel, style, runs, epochs) {
  const { points } = panel.curves.find((/** @type {Curve} */ curve) => curve.style === style);
  const means = points.map((/** @type {Point} */ point) => point.mean);
  const seeds = points.map((/** @type {Point} */ point) => point.seeds);
  const side = style === "training" ? "accuracy" : "val_accuracy";
  runs.forEach((run, index) => {
    if (run.scale !== panel.scale) return;
    const told = epochs.get(run.id) ?? [];
    for (let epoch = plot.epochs_done[index] ?? 0; told[epoch]; epoch += 1) {
      seeds[epoch] = (seeds[epoch] ?? 0) + 1;
      means[epoch] = (means[epoch] ?? 0) + (told[epoch][side] - (means[epoch] ?? 0)) / seeds[epoch];
    }
  });
  return means;
}

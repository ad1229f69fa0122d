// Small curve of a sweep without axes: accuracy from 0 to 1, with evenly spaced scales.

import { formatPercent, formatScale } from "../common/format.js";
import { html, svg } from "../common/lit.js";

const [WIDTH, HEIGHT, MARGIN] = [120, 48, 5];

/**
 * Return the mean over the runs of each scale at their latest epochs.
 * @param {any[]} runs
 * @param {number[]} scales
 * @returns {{scale: number, val_accuracy: number}[]}
 */
function meanPoints(runs, scales) {
  return scales.flatMap((scale) => {
    const measured = runs.filter((run) => run.scale === scale && run.latest_metrics);
    const accuracies = measured.map((run) => run.kept?.test_accuracy ?? run.latest_metrics.val_accuracy);
    const sum = accuracies.reduce((total, accuracy) => total + accuracy, 0);
    return measured.length ? [{ scale, val_accuracy: sum / measured.length }] : [];
  });
}

/**
 * Return the template of the sparkline of a sweep.
 * @param {any} sweep
 */
export function sparkline(sweep) {
  const scales = [...new Set(sweep.runs.map((/** @type {any} */ run) => run.scale))].sort((one, other) => one - other);
  const xOf = (/** @type {number} */ scale) =>
    MARGIN + (scales.length > 1 ? scales.indexOf(scale) / (scales.length - 1) : 0.5) * (WIDTH - 2 * MARGIN);
  const yOf = (/** @type {number} */ accuracy) => HEIGHT - MARGIN - accuracy * (HEIGHT - 2 * MARGIN);
  const means = meanPoints(sweep.runs, scales);
  const points = means.map(({ scale, val_accuracy: accuracy }) => [xOf(scale), yOf(accuracy)]);
  const dots = points.length > 20 ? [] : points;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${describe(means)}>
    <line class="spark-axis" x1="0" x2=${WIDTH} y1=${yOf(0)} y2=${yOf(0)}></line>
    <polyline class="spark-line" points=${points.map((point) => point.map((each) => each.toFixed(1))).join(" ")}></polyline>
    ${dots.map(([x, y]) => svg`<circle class="spark-dot" cx=${x} cy=${y} r="2.5"></circle>`)}
  </svg>`;
}

/**
 * Describe the curve to screen readers.
 * @param {{scale: number, val_accuracy: number}[]} points
 * @returns {string}
 */
function describe(points) {
  if (!points.length) return "No curve yet";
  const [first, last] = [points[0], points[points.length - 1]];
  const end = points.length > 1 ? `, ${formatPercent(last.val_accuracy)} at ${formatScale(last.scale)}` : "";
  return `Accuracy: ${formatPercent(first.val_accuracy)} at ${formatScale(first.scale)}${end}`;
}

// Small curve of a sweep without axes: accuracy from 0 to 1, with evenly spaced scales.

import { formatPercent, formatScale } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
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
 * Create an SVG element.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @returns {SVGElement}
 */
function svgElement(name, attributes) {
  const created = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
  return created;
}

/**
 * Draw the sparkline of a sweep.
 * @param {any} sweep
 * @returns {SVGElement}
 */
export function sparkline(sweep) {
  const scales = [...new Set(sweep.runs.map((/** @type {any} */ run) => run.scale))].sort((one, other) => one - other);
  const xOf = (/** @type {number} */ scale) =>
    MARGIN + (scales.length > 1 ? scales.indexOf(scale) / (scales.length - 1) : 0.5) * (WIDTH - 2 * MARGIN);
  const yOf = (/** @type {number} */ accuracy) => HEIGHT - MARGIN - accuracy * (HEIGHT - 2 * MARGIN);
  const points = meanPoints(sweep.runs, scales);
  const svg = svgElement("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": describe(points) });
  svg.append(svgElement("line", { class: "spark-axis", x1: 0, x2: WIDTH, y1: yOf(0), y2: yOf(0) }));
  const coordinates = points.map((point) => `${xOf(point.scale).toFixed(1)},${yOf(point.val_accuracy).toFixed(1)}`);
  svg.append(svgElement("polyline", { class: "spark-line", points: coordinates.join(" ") }));
  for (const { scale, val_accuracy: accuracy } of points.length > 20 ? [] : points) {
    svg.append(svgElement("circle", { class: "spark-dot", cx: xOf(scale), cy: yOf(accuracy), r: 2.5 }));
  }
  return svg;
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

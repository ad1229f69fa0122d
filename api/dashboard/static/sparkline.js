// A sweep's curve so small that it needs no axes: validation accuracy, 0 to 1, against the place of the scale.

import { percent, wordsOfScale } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MARGIN] = [120, 48, 5];

/**
 * The means over the runs of each scale, of their latest epochs.
 * @param {any[]} runs
 * @param {number[]} scales
 * @returns {{scale: number, val_accuracy: number}[]}
 */
function pointsOf(runs, scales) {
  return scales.flatMap((scale) => {
    const known = runs.filter((run) => run.scale === scale && run.latest_metrics);
    const sum = known.reduce((total, run) => total + run.latest_metrics.val_accuracy, 0);
    return known.length ? [{ scale, val_accuracy: sum / known.length }] : [];
  });
}

/** @param {string} name @param {Record<string, string | number>} attributes @returns {SVGElement} */
function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** @param {any} sweep @returns {SVGElement} */
export function sparkline(sweep) {
  const scales = [...new Set(sweep.runs.map((/** @type {any} */ run) => run.scale))].sort((one, other) => one - other);
  const across = (/** @type {number} */ scale) =>
    MARGIN + (scales.length > 1 ? scales.indexOf(scale) / (scales.length - 1) : 0.5) * (WIDTH - 2 * MARGIN);
  const up = (/** @type {number} */ accuracy) => HEIGHT - MARGIN - accuracy * (HEIGHT - 2 * MARGIN);
  const points = pointsOf(sweep.runs, scales);
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": spoken(points) });
  svg.append(shape("line", { class: "spark-rule", x1: 0, x2: WIDTH, y1: up(0), y2: up(0) }));
  const places = points.map((point) => `${across(point.scale).toFixed(1)},${up(point.val_accuracy).toFixed(1)}`);
  svg.append(shape("polyline", { class: "spark-line", points: places.join(" ") }));
  for (const point of points.length > 20 ? [] : points) {
    svg.append(shape("circle", { class: "spark-dot", cx: across(point.scale), cy: up(point.val_accuracy), r: 2.5 }));
  }
  return svg;
}

/** @param {{scale: number, val_accuracy: number}[]} points */
function spoken(points) {
  if (!points.length) return "No curve yet";
  const [first, last] = [points[0], points[points.length - 1]];
  const end = points.length > 1 ? `, ${percent(last.val_accuracy)} at ${wordsOfScale(last.scale)}` : "";
  return `Validation accuracy: ${percent(first.val_accuracy)} at ${wordsOfScale(first.scale)}${end}`;
}

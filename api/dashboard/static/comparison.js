// Comparison of two sweeps in numbers.

import { byId, setColumns, setItems, setPairs, setRows, setText } from "./dom.js";
import { formatInterval, formatPercent, formatPoints, formatScale } from "./format.js";

/**
 * Format both ends of an interval, or "" if there is none.
 * @param {{low: number, high: number} | null} bounds
 */
const formatBounds = (bounds) => (bounds ? `${formatPoints(bounds.low)} to ${formatPoints(bounds.high)}` : "");

/**
 * Format a scale or a ratio with three digits.
 * @param {number} value
 */
const formatNumber = (value) => String(Number(value.toPrecision(3)));

/**
 * Return a text with a capital letter.
 * @param {string} text
 */
const capitalize = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/**
 * Show a comparison.
 * @param {any} comparison Answer of GET /compare.
 */
export function showComparison(comparison) {
  setText(byId("comparison-sentence"), comparison.sentence);
  const table = byId("comparison");
  table.parentElement.hidden = !comparison.scales.length;
  /** @type {[string, (at: any) => string][]} Without the columns that are empty at every scale. */
  const columns = /** @type {[string, (at: any) => string][]} */ ([
    ["Scale", (at) => formatScale(at.scale)],
    ["Seeds", (at) => String(at.difference.seeds)],
    ["A", (at) => formatPercent(at.first)],
    ["B", (at) => formatPercent(at.second)],
    [capitalize(comparison.name), (at) => formatInterval(at.difference, formatPoints)],
    ["Other images, too", (at) => formatBounds(at.seeds_and_images)],
    ["All scales at once", (at) => formatBounds(at.simultaneous)],
  ]).filter(([, format]) => comparison.scales.some((/** @type {any} */ at) => format(at)));
  setColumns(
    table,
    columns.map(([name]) => name),
  );
  setRows(
    table,
    comparison.scales.map((/** @type {any} */ at) => columns.map(([, format]) => format(at))),
  );
  const metrics = [];
  if (comparison.ratio) {
    const { level, first, second, ratio } = comparison.ratio;
    metrics.push([
      `Scale at ${formatPercent(level)}: A, B and their ratio B / A`,
      `${formatNumber(first)}, ${formatNumber(second)}, ${formatInterval(ratio, formatNumber)}`,
    ]);
  }
  if (comparison.area) {
    const { from_scale: from, to_scale: to, first, second, difference } = comparison.area;
    metrics.push([
      `Mean accuracy from scale ${formatScale(from)} to ${formatScale(to)}: A, B and B − A`,
      `${formatPercent(first.mean)}, ${formatPercent(second.mean)}, ${formatInterval(difference, formatPoints)}`,
    ]);
  }
  setPairs(byId("comparison-metrics"), metrics);
  const method = `${capitalize(comparison.method)}. Differences are in points.`;
  setItems(byId("comparison-remarks"), [...comparison.remarks, method]);
}

/**
 * Show why two sweeps cannot be compared.
 * @param {string} reason
 */
export function showRefusal(reason) {
  setText(byId("comparison-sentence"), reason);
  byId("comparison").parentElement.hidden = true;
  for (const id of ["comparison-metrics", "comparison-remarks"]) byId(id).replaceChildren();
}

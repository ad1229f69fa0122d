// Comparison of two sweeps in numbers.

import { byId, setText } from "../common/dom.js";
import {
  capitalize,
  formatInterval,
  formatNumber,
  formatPercent,
  formatPoints,
  formatScale,
} from "../common/format.js";
import { render } from "../common/lit.js";
import { items, pairs, table } from "../common/tables.js";

/** @import { Column } from "../common/tables.js" */

/**
 * Format both ends of an interval, or "" if there is none.
 * @param {{low: number, high: number} | null} bounds
 */
const formatBounds = (bounds) => (bounds ? `${formatPoints(bounds.low)} to ${formatPoints(bounds.high)}` : "");

/**
 * Show a comparison, or why there is none.
 * @param {any} comparison Answer of GET /compare, or the reason as a sentence without scales.
 */
export function showComparison({ sentence, scales, name = "", method, ratio, area, remarks }) {
  setText(byId("comparison-sentence"), sentence);
  byId("comparison").parentElement.hidden = !scales.length;
  /** @type {Column[]} */
  const columns = [
    ["Scale", (at) => formatScale(at.scale)],
    ["Seeds", (at) => at.difference.seeds],
    ["A", (at) => formatPercent(at.first)],
    ["B", (at) => formatPercent(at.second)],
    [capitalize(name), (at) => formatInterval(at.difference, formatPoints)],
    ["Other images, too", (at) => formatBounds(at.seeds_and_images)],
    ["All scales at once", (at) => formatBounds(at.simultaneous)],
  ];
  const filled = columns.filter(([, cell]) => scales.some(cell));
  render(filled.length ? table(scales, filled) : "", byId("comparison"));
  render(
    pairs([
      [
        `Scale at ${formatPercent(ratio?.level)}: A, B and their ratio B / A`,
        ratio &&
          [ratio.first, ratio.second].map(formatNumber).concat(formatInterval(ratio.ratio, formatNumber)).join(", "),
      ],
      [
        `Mean accuracy from scale ${formatScale(area?.from_scale)} to ${formatScale(area?.to_scale)}: A, B and B − A`,
        area &&
          `${formatPercent(area.first.mean)}, ${formatPercent(area.second.mean)}, ${formatInterval(area.difference, formatPoints)}`,
      ],
    ]),
    byId("comparison-metrics"),
  );
  const all = method ? [...remarks, `${capitalize(method)}. Differences are in points.`] : remarks;
  render(items(all), byId("comparison-remarks"));
}

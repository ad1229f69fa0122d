// Results of the runs that have succeeded: metrics per scale and of the whole sweep, and remarks.

import { byId, setItems, setPairs, setRows, setText } from "./dom.js";
import { formatInterval, formatPercent, formatPoints, formatScale } from "./format.js";

/**
 * Show the metrics per scale and those of the whole sweep.
 * @param {any} summary Answer of GET /sweeps/{id}/summary.
 */
export function showMetrics(summary) {
  byId("metrics-section").hidden = !summary.scales.length;
  setText(
    byId("method"),
    `${summary.method[0].toUpperCase()}${summary.method.slice(1)}. Gaps and drop are in percentage points.`,
  );
  setRows(
    byId("metrics"),
    summary.scales.map(
      (
        /** @type {any} */ { scale, accuracy, val_accuracy, noise_gap: noise, image_gap: image, drop_from_clean: drop },
      ) => [
        formatScale(scale),
        String(val_accuracy.seeds),
        formatInterval(accuracy, formatPercent),
        formatInterval(val_accuracy, formatPercent),
        noise ? formatInterval(noise, formatPoints) : "",
        image ? formatInterval(image, formatPoints) : "",
        drop ? formatInterval(drop, formatPoints) : "",
      ],
    ),
  );
  const metrics = [];
  if (summary.half_way) {
    const level = formatPercent(summary.half_way.level);
    metrics.push([
      `Half-way scale, where the accuracy is ${level}`,
      formatInterval(summary.half_way.scale, (scale) => String(Number(scale.toPrecision(3)))),
    ]);
  }
  if (summary.area) {
    const { from_scale: from, to_scale: to, val_accuracy: area } = summary.area;
    metrics.push([
      `Mean accuracy from scale ${formatScale(from)} to ${formatScale(to)}, over the logarithm of the scale`,
      formatInterval(area, formatPercent),
    ]);
  }
  if (summary.efficiency) {
    const { level, interval, by_level: others } = summary.efficiency;
    const range = (/** @type {any} */ ends) => [...new Set([ends.low, ends.high].map(formatPercent))].join(" to ");
    const bounds = interval ? ` (95 % interval ${range(interval)})` : "";
    const elsewhere = others.map((/** @type {any} */ at) => `${range(at)} at ${formatPercent(at.level)}`).join(", ");
    metrics.push(
      [`Efficiency, where the accuracy is ${formatPercent(level)}`, `${range(summary.efficiency)}${bounds}`],
      ["Efficiency at other accuracies", elsewhere],
    );
  }
  setPairs(byId("sweep-metrics"), metrics);
}

/**
 * Show the remarks of a summary.
 * @param {any} summary Answer of GET /sweeps/{id}/summary.
 */
export function showRemarks(summary) {
  byId("remarks").hidden = !summary.remarks.length;
  setItems(byId("remarks").lastElementChild, summary.remarks);
}

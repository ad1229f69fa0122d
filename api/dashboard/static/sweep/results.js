// Results of the runs that have succeeded: metrics per scale and of the whole sweep, and remarks.

import { byId, setText } from "../common/dom.js";
import {
  capitalize,
  formatInterval,
  formatNumber,
  formatPercent,
  formatPoints,
  formatScale,
  judgedImages,
} from "../common/format.js";
import { render } from "../common/lit.js";
import { items, pairs, showTable } from "../common/tables.js";

/** @import { Sweep } from "../live/live.js" */

/**
 * Show the metrics per scale and those of the whole sweep, and the remarks.
 * @param {Sweep} sweep
 * @param {any} summary Answer of GET /sweeps/{id}/summary.
 */
export function showResults(sweep, { sentence, remarks, method, scales, half_way: halfWay, area, efficiency }) {
  setText(byId("sentence"), sentence);
  byId("remarks").hidden = !remarks.length;
  render(items(remarks), byId("remarks").lastElementChild);
  setText(byId("method"), `${capitalize(method)}. Gaps and drop are in percentage points.`);
  showTable("metrics", scales, [
    ["Scale", (at) => formatScale(at.scale)],
    ["Seeds", (at) => at.val_accuracy.seeds],
    ["Accuracy", (at) => formatInterval(at.accuracy, formatPercent)],
    [`Accuracy on ${judgedImages(sweep)} images`, (at) => formatInterval(at.val_accuracy, formatPercent)],
    ["Noise gap", (at) => formatInterval(at.noise_gap, formatPoints)],
    ["Image gap", (at) => formatInterval(at.image_gap, formatPoints)],
    ["Drop from clean", (at) => formatInterval(at.drop_from_clean, formatPoints)],
  ]);
  const range = (/** @type {any} */ ends) => [...new Set([ends.low, ends.high].map(formatPercent))].join(" to ");
  render(
    pairs([
      [
        `Half-way scale, where the accuracy is ${formatPercent(halfWay?.level)}`,
        formatInterval(halfWay?.scale, formatNumber),
      ],
      [
        `Mean accuracy from scale ${formatScale(area?.from_scale)} to ${formatScale(area?.to_scale)}, over the logarithm of the scale`,
        formatInterval(area?.val_accuracy, formatPercent),
      ],
      [
        `Efficiency, where the accuracy is ${formatPercent(efficiency?.level)}`,
        efficiency &&
          `${range(efficiency)}${efficiency.interval ? ` (95 % interval ${range(efficiency.interval)})` : ""}`,
      ],
      [
        "Efficiency at other accuracies",
        efficiency?.by_level.map((/** @type {any} */ at) => `${range(at)} at ${formatPercent(at.level)}`).join(", "),
      ],
    ]),
    byId("sweep-metrics"),
  );
}

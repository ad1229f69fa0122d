// Settings of a sweep as the printed page lists them.

import { byId, showText } from "../common/dom.js";
import { describeNetwork, formatCount, formatNoise, formatScale, formatTags, formatTests } from "../common/format.js";
import { render } from "../common/lit.js";
import { pairs } from "../common/tables.js";
import { countEnded } from "../live/live.js";

/** @import { Sweep } from "../live/live.js" */

/** @type {Record<string, string>} */
const NOISE_ON = { both: "training and validation images", train: "training images", validation: "validation images" };

/**
 * Show the origin and all settings of a sweep, and whether it has ended.
 * @param {Sweep} sweep
 * @param {any} dataset null if it has not been read.
 */
export function showSettings(sweep, dataset) {
  const { runs } = sweep;
  const ended = countEnded(sweep);
  const isFinished = ended === runs.length;
  showText(
    byId("unfinished"),
    isFinished ? "" : `Not finished: ${ended} of ${formatCount(runs.length, "run")} have ended.`,
  );
  const program = `noisesweep ${byId("sweep").dataset.version}`;
  const settings = pairs([
    ["Submitted by", sweep.submitter],
    ["Submitted", formatUtc(sweep.created_at)],
    ["Last run ended", isFinished && formatUtc(Math.max(...runs.map((run) => Date.parse(run.ended_at))))],
    ["Sweep", sweep.id],
    ["Page", location.origin + location.pathname],
    ["Program", `${program}, numerics version ${sweep.numerics.join(", ") || "unknown"}`],
    ["Tags", formatTags(sweep.tags).join(", ")],
    ...describeConfig(sweep, dataset),
  ]);
  render(settings, byId("settings"));
}

/**
 * Return the names and values of all settings.
 * @param {Sweep} sweep
 * @param {any} dataset
 * @returns {[string, unknown][]}
 */
function describeConfig({ config, scales, seeds }, dataset) {
  const yesNo = (/** @type {boolean} */ value) => (value ? "yes" : "no");
  const images =
    dataset && `${count(dataset.training_images)} training and ${count(dataset.validation_images)} validation images`;
  return [
    ["Data set", [config.dataset, images].filter(Boolean).join(", ")],
    ["SHA-256 of the data set", dataset?.sha256],
    ["Noise", formatNoise(config.noise)],
    ["Noise on", NOISE_ON[config.noise_on]],
    ["Noise clipped to [0, 1]", yesNo(config.clip)],
    ["New noise in every epoch", yesNo(config.resample)],
    [
      "Scales",
      scales
        .toSorted((one, other) => one - other)
        .map(formatScale)
        .join(", "),
    ],
    ["Seeds", seeds.join(", ")],
    ["Also tested with", formatTests(config.test_noise)],
    ["Network", describeNetwork(config.model)],
    ["Dropout", String(config.dropout)],
    ["Optimizer", `RMSprop, learning rate ${config.learning_rate}`],
    ["Epochs", count(config.epochs)],
    ["Batch size", count(config.batch_size)],
    ["Precision", config.precision],
    ["Holdout", config.holdout ? formatCount(config.holdout, "training image") : "none"],
    ["Weights kept", `of the ${config.keep} epoch`],
    ["Patience", config.patience ? formatCount(config.patience, "epoch") : "none"],
  ];
}

/**
 * Format a count.
 * @param {number} value
 */
const count = (value) => value.toLocaleString("en");

/**
 * Format a time in UTC, to the minute.
 * @param {string | number} time
 */
const formatUtc = (time) => `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;

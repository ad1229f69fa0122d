// Formatting of numbers, times and sweeps.

/**
 * Format a fraction as a percentage, or "" if there is none.
 * @param {number | null | undefined} fraction
 */
export const formatPercent = (fraction) =>
  fraction === null || fraction === undefined ? "" : `${(100 * fraction).toFixed(1)} %`;

/**
 * Format a difference of fractions in percentage points, or "" if there is none.
 * @param {number | null | undefined} difference
 */
export const formatPoints = (difference) =>
  difference === null || difference === undefined ? "" : `${(100 * difference).toFixed(1)}`.replace("-", "−");

/**
 * Format a mean and its interval, if it has one, or "" if there is no mean.
 * @param {{mean: number, low: number, high: number} | {mean: number, low: null, high: null} | null | undefined} interval
 * @param {(value: number) => string} format
 */
export function formatInterval(interval, format) {
  if (!interval) return "";
  const { mean, low, high } = interval;
  return low === null ? format(mean) : `${format(mean)} (${format(low)} to ${format(high)})`;
}

/**
 * Format a scale or a ratio with three digits.
 * @param {number} value
 */
export const formatNumber = (value) => String(Number(value.toPrecision(3)));

/**
 * Return a text with a capital letter.
 * @param {string} text
 */
export const capitalize = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/**
 * Format a noise scale. Scale 0 is "clean".
 * @param {number} scale
 */
export const formatScale = (scale) => (scale === 0 ? "clean" : String(scale));

/**
 * Format a count with its noun, in the plural unless the count is 1.
 * @param {number} count
 * @param {string} noun
 */
export const formatCount = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Format a duration, rounded because it is an estimate, or "" if there is none.
 * @param {number | null} seconds
 */
export function formatDuration(seconds) {
  if (seconds === null) return "";
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return hours < 48 ? `${hours.toFixed(hours < 10 ? 1 : 0)} h` : `${Math.round(hours / 24)} days`;
}

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * Format a time of the API in the user's time zone.
 * @param {string} iso
 */
export function formatTime(iso) {
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? `today, ${timeFormat.format(time)}` : dateFormat.format(time);
}

/**
 * Return the usual spelling of a device.
 * @param {string} device
 */
export const deviceName = (device) => ({ cpu: "CPU", gpu: "GPU", metal: "Metal" })[device] ?? device;

/**
 * Return the name of a sweep, or one made from its id.
 * @param {{id: string, name: string | null}} sweep
 */
export const sweepName = (sweep) => sweep.name ?? `Sweep ${sweep.id}`;

/**
 * Return which images the trained networks are judged by.
 * @param {any} sweep
 */
export const judgedImages = (sweep) => (sweep.config.holdout ? "test" : "validation");

/**
 * Return the name of a kind of noise as it stands in a sentence.
 * @param {string} kind
 */
export const formatNoise = (kind) => (kind === "gaussian" ? "Gaussian" : kind.replaceAll("_", "-"));

/**
 * Describe the other kinds of noise that the networks of a sweep are tested with.
 * @param {Record<string, number[]>} tests
 */
export const formatTests = (tests) =>
  Object.entries(tests)
    .map(([kind, scales]) => `${formatNoise(kind)} ${scales.map(formatScale).join(", ")}`)
    .join("; ");

/**
 * Return the kind and the layers of a network.
 * @param {any} model
 */
export const describeNetwork = ({ kind, hidden_units: hidden, filters, kernel_size: size, dense_units: dense }) =>
  kind === "mlp"
    ? `multilayer perceptron, hidden units ${hidden.join(", ")}`
    : `convolutional network, filters ${filters.join(", ")}, kernel ${size} × ${size}, dense units ${dense.join(", ") || "none"}`;

/**
 * Describe the grid and the config of a sweep in one line.
 * @param {any} sweep
 */
export function describeSweep(sweep) {
  const { config } = sweep;
  const sorted = [...sweep.scales].sort((one, other) => one - other).map(formatScale);
  const scales = sorted.length > 6 ? `${sorted[0]} to ${sorted.at(-1)}` : sorted.join(", ");
  return [
    config.dataset,
    config.noise !== "gaussian" && `${formatNoise(config.noise)} noise`,
    `${formatCount(sweep.scales.length, "scale")} (${scales})`,
    formatCount(sweep.seeds.length, "seed"),
    formatCount(config.epochs, "epoch"),
    config.model.kind === "cnn" && `convolutional network ${config.model.filters.join("-")}`,
    config.noise_on !== "both" && `noise on ${config.noise_on === "train" ? "training" : "validation"} images only`,
    config.clip && "clipped",
    Object.keys(config.test_noise).length && `tested with ${formatTests(config.test_noise)}`,
    config.resample && "new noise in every epoch",
    config.holdout && `${formatCount(config.holdout, "image")} held out`,
    config.keep === "best" && "best epoch kept",
    config.patience && `patience ${config.patience}`,
    sweep.submitter && `by ${sweep.submitter}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * Return the text of each tag.
 * @param {Record<string, string>} tags
 * @returns {string[]}
 */
export const formatTags = (tags) => Object.entries(tags).map((tag) => tag.join(":"));

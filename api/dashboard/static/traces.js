// Plotly traces of the API's curves, bands, levels and marks, and of the newest epochs.

import { cssColour } from "./charts.js";
import { formatCount, formatPercent } from "./format.js";
import { axisLabels } from "./plots.js";

// Plotly symbols for the Matplotlib markers in the API's line styles.
const SYMBOLS = {
  o: "circle",
  s: "square",
  "^": "triangle-up",
  D: "diamond",
  v: "triangle-down",
  P: "cross",
  X: "x",
  "*": "star",
  x: "x-thin-open",
};
// A line that is one of many.
const THIN = { width: 1, size: 4, opacity: 0.5 };

/**
 * Return the mean, the interval and the seeds of a point, as lines of its label.
 * @param {import("./plots.js").Point} point
 */
function describePoint({ mean, low, high, seeds, target }) {
  const about = target === "images" ? "other images" : "other seeds";
  const interval = (low ?? null) === null ? "" : `<br>${formatPercent(low)} to ${formatPercent(high)}`;
  return `${formatPercent(mean)}${interval}${interval && ` (95 % interval, ${about})`}<br>${formatCount(seeds, "seed")}`;
}

/**
 * Create the traces of a curve against scale: means with intervals, and hollow markers for unfinished runs.
 * @param {import("./plots.js").Curve} curve
 * @param {{name: string, style: any, axis: any, hidden: boolean, unfinished: any[], metric: string}} options `metric`
 *   is the name of the metric to show for unfinished runs.
 * @returns {object[]}
 */
export function curveTraces({ points, starts_apart: apart }, { name, style, axis, hidden, unfinished, metric }) {
  const labels = axisLabels(axis);
  // A point without a mean interrupts the line after the clean point.
  /** @type {any[]} */
  const spaced = apart && points.length > 1 ? [points[0], { mean: null }, ...points.slice(1)] : points;
  const symbol = /** @type {any} */ (SYMBOLS)[style.marker];
  const hovertemplate = `%{customdata[0]}<br>${escapeMarkup(name)} %{customdata[1]}<extra></extra>`;
  const shared = { name, visible: !hidden, hovertemplate };
  const { width, size, opacity } = style.thin ? THIN : { width: 2, size: 8, opacity: 1 };
  return [
    {
      ...shared,
      x: spaced.map((point) => point.x),
      y: spaced.map((point) => point.mean),
      mode: "lines+markers",
      opacity,
      line: { color: style.colour, width },
      marker: { symbol, size, color: style.colour, line: { color: style.colour, width: 1.5 } },
      error_y: errorBars(style.colour, spaced),
      customdata: spaced.map((point) => (point.mean === null ? [] : [labels.get(point.x), describePoint(point)])),
    },
    {
      ...shared,
      x: unfinished.map((run) => run.x),
      y: unfinished.map((run) => run.metrics[metric]),
      mode: "markers",
      marker: { symbol, size: 8, color: cssColour("background"), line: { color: style.colour, width: 1.5 } },
      customdata: unfinished.map((run) => [run.label, formatPercent(run.metrics[metric])]),
    },
  ];
}

/**
 * Create the trace of a curve against the epoch.
 * @param {number[]} values By epoch.
 * @param {{name: string, colour: string, hidden?: boolean, format?: string, seeds?: number[]}} options `format` is
 *   Plotly's format of the values.
 * @returns {object}
 */
export const epochTrace = (values, { name, colour: color, hidden = false, format = ".1%", seeds = [] }) => ({
  x: values.map((_, epoch) => epoch),
  y: values,
  visible: !hidden,
  mode: values.length > 1 ? "lines" : "markers",
  line: { color, width: 2 },
  marker: { color },
  customdata: values.map((_, epoch) => (seeds[epoch] > 1 ? `<br>mean of ${seeds[epoch]} seeds` : "")),
  hovertemplate: `${escapeMarkup(name)}, epoch %{x}<br>%{y:${format}}%{customdata}<extra></extra>`,
});

/**
 * Create the traces of single points.
 * @param {any} panel A panel of a plot.
 * @param {any} theme
 * @returns {object[]}
 */
export const markTraces = ({ marks }, { styles }) =>
  marks.map((/** @type {any} */ { name, style, points }) => ({
    x: points.map((/** @type {number[]} */ point) => point[0]),
    y: points.map((/** @type {number[]} */ point) => point[1]),
    mode: "markers",
    marker: {
      symbol: /** @type {any} */ (SYMBOLS)[styles[style].marker],
      size: 9,
      color: styles[style].colour,
      line: { color: styles[style].colour, width: 1.5 },
    },
    hovertemplate: `${escapeMarkup(name)}<extra></extra>`,
  }));

/**
 * Create the traces of a shaded area and of a horizontal line.
 * @param {any} panel A panel of a plot.
 * @param {any} theme
 * @returns {object[]}
 */
export function backgroundTraces({ bands, levels, x_axis: { limits } }, { styles }) {
  const areas = bands.flatMap((/** @type {any} */ { name, style, points }) => {
    const [x, low, high] = [0, 1, 2].map((end) => points.map((/** @type {number[]} */ point) => point[end]));
    const { colour } = styles[style];
    const edge = { x, mode: "lines", line: { color: colour, width: 0.8 }, hoverinfo: "skip" };
    const hovertemplate = `${escapeMarkup(name)} %{customdata:.1%} to %{y:.1%}<extra></extra>`;
    return [
      { ...edge, y: low },
      { ...edge, y: high, fill: "tonexty", fillcolor: `${colour}59`, hoverinfo: "all", hovertemplate, customdata: low },
    ];
  });
  const lines = levels.map((/** @type {any} */ { name, style, y }) => ({
    x: limits,
    y: [y, y],
    mode: "lines",
    line: { color: styles[style].colour, width: 1.5, dash: "dot" },
    hovertemplate: `${escapeMarkup(name)} %{y:.1%}<extra></extra>`,
  }));
  return [...areas, ...lines];
}

/**
 * Return the note that explains the traces of `backgroundTraces` and `markTraces`.
 * @param {any} panel A panel of a plot.
 * @returns {string}
 */
export const backgroundNote = ({ bands, levels, marks }) =>
  [
    bands.length && "Grey band: best possible accuracy.",
    levels.length && "Dotted line: chance.",
    ...marks.map((/** @type {any} */ { name }) => `Diamond: ${name[0].toLowerCase()}${name.slice(1)}.`),
  ]
    .filter(Boolean)
    .join(" ");

/**
 * Create Plotly's error bars from the intervals of points.
 * @param {string} color
 * @param {import("./plots.js").Point[]} points
 * @returns {object}
 */
function errorBars(color, points) {
  const lengths = (/** @type {"low" | "high"} */ end) =>
    points.map((point) => Math.abs((point[end] ?? point.mean) - point.mean));
  return {
    type: "data",
    symmetric: false,
    visible: points.some((point) => (point.low ?? null) !== null),
    array: lengths("high"),
    arrayminus: lengths("low"),
    color,
    thickness: 1.5,
    width: 4,
  };
}

/**
 * Escape the characters that Plotly interprets as markup.
 * @param {string} text
 * @returns {string}
 */
const escapeMarkup = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%", "&#37;");

// Plotly traces of the API's curves, bands, levels and marks, and of unfinished runs.

import { formatCount, formatPercent, formatScale } from "../common/format.js";

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
const symbolOf = (/** @type {any} */ { marker }) => /** @type {any} */ (SYMBOLS)[marker];
const NORMAL = { width: 2, size: 8, opacity: 1 };
// A line that is one of many.
const THIN = { width: 1, size: 4, opacity: 0.5 };
const LABEL = { hovertemplate: "%{customdata}<extra></extra>" };

/** @typedef {import("./plots.js").Point} Point */
/** @typedef {import("./plots.js").Curve & {style: any, hidden: boolean,
 *   unfinished: {x: number, y: number, label: string}[]}} Drawn Curve with its line style, and with the latest epoch of
 *   runs that it does not include. */

/**
 * Create the traces of a curve: means with intervals, and hollow markers for unfinished runs.
 * @param {Drawn} curve
 * @param {any} panel The panel of the curve.
 * @param {any} theme
 * @returns {object[]}
 */
export function curveTraces(curve, panel, { paper }) {
  const { style, points, starts_apart: apart, hidden, unfinished } = curve;
  // A point without a mean interrupts the line after the clean point.
  /** @type {any[]} */
  const spaced = apart && points.length > 1 ? [points[0], { mean: null }, ...points.slice(1)] : points;
  const { width, size, opacity } = style.thin ? THIN : NORMAL;
  const line = { color: style.colour, width: 1.5 };
  const symbol = symbolOf(style);
  const isByEpoch = panel.x_axis.integer;
  const describe = isByEpoch ? describeEpoch : describePoint;
  return [
    {
      ...LABEL,
      x: spaced.map((point) => point.x),
      y: spaced.map((point) => point.mean),
      visible: !hidden,
      mode: !isByEpoch ? "lines+markers" : points.length > 1 ? "lines" : "markers",
      opacity,
      line: { color: style.colour, width },
      marker: { symbol, size, color: style.colour, line },
      error_y: errorBars(style.colour, spaced),
      customdata: spaced.map((point) => (point.mean === null ? "" : describe(curve, point, panel))),
    },
    {
      ...LABEL,
      x: unfinished.map(({ x }) => x),
      y: unfinished.map(({ y }) => y),
      visible: !hidden,
      mode: "markers",
      marker: { symbol, size, color: paper, line },
      customdata: unfinished.map(({ y, label }) => `${label}<br>${nameOf(curve)} ${formatPercent(y)}`),
    },
  ];
}

/**
 * Return the name of a curve or of marks, as Plotly's markup.
 * @param {any} item
 */
const nameOf = ({ name, label }) => escapeMarkup(label ?? name);

/**
 * Return the scale, the mean, the interval and the seeds of a point, as lines of its label.
 * @param {Drawn} curve
 * @param {Point} point
 * @param {any} panel
 */
function describePoint(curve, { x, mean, low, high, seeds, target }, { x_axis: axis }) {
  const { scale } = axis.scales.find((/** @type {any} */ { position }) => position === x);
  const about = target === "images" ? "other images" : "other seeds";
  const interval =
    (low ?? null) === null ? [] : [`${formatPercent(low)} to ${formatPercent(high)} (95 % interval, ${about})`];
  const value = `${nameOf(curve)} ${formatPercent(mean)}`;
  return [`scale ${formatScale(scale)}`, value, ...interval, formatCount(seeds, "seed")].join("<br>");
}

/**
 * Return the epoch, the mean and the seeds of a point, as lines of its label.
 * @param {Drawn} curve
 * @param {Point} point
 * @param {any} panel
 */
function describeEpoch(curve, { x, mean, seeds }, { y_axis: { fraction } }) {
  const value = fraction ? formatPercent(mean) : mean.toFixed(4);
  return `${nameOf(curve)}, epoch ${x}<br>${value}${seeds > 1 ? `<br>mean of ${seeds} seeds` : ""}`;
}

/**
 * Create the traces of single points. Those of a hidden curve are hidden.
 * @param {any} panel A panel of a plot.
 * @param {any} theme
 * @param {Set<string>} hidden Styles of the hidden curves.
 * @returns {object[]}
 */
export const markTraces = ({ marks }, { ink, styles }, hidden) =>
  marks.map((/** @type {any} */ { style, curve, points, ...mark }) => ({
    ...LABEL,
    x: points.map((/** @type {number[]} */ point) => point[0]),
    y: points.map((/** @type {number[]} */ point) => point[1]),
    visible: !hidden.has(curve),
    mode: "markers",
    marker: {
      symbol: symbolOf(styles[style]),
      size: curve ? 11 : 9,
      color: styles[curve ?? style].colour,
      line: { color: curve ? ink : styles[style].colour, width: 1.5 },
    },
    customdata: points.map(() => nameOf(mark)),
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
 * Create Plotly's error bars from the intervals of points.
 * @param {string} color
 * @param {Point[]} points
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

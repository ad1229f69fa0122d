// Plotly charts in the colours of the page. Their legends are HTML buttons outside the chart.

import { element } from "./dom.js";
import { axisLabels, darkScheme } from "./plots.js";

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
};
// A line that is one of many.
const THIN = { width: 1, size: 4, opacity: 0.5 };
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };

/** @type {Promise<any> | null} */
let loading = null;

/**
 * Load Plotly after the first paint of the page, because the script is large.
 * @returns {Promise<any>}
 */
function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const url = /** @type {any} */ (document.querySelector("meta[name=plotly]")).content;
    const script = element("script", { src: url });
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error("The charts could not be loaded. Reload this page."));
    requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
  });
  return loading;
}

/**
 * Return a colour of the style sheet.
 * @param {string} name
 * @returns {string}
 */
export const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Chart of accuracies in an element of the page. */
export class Chart {
  #container;
  /** @type {any} */
  #plotly = null;
  #draw;

  /**
   * Create a chart without loading Plotly.
   * @param {HTMLElement} container
   * @param {() => void} draw Called when Plotly is loaded and when the colour scheme changes.
   */
  constructor(container, draw) {
    this.#container = container;
    this.#draw = draw;
    darkScheme.addEventListener("change", draw);
  }

  /** Load Plotly, then draw. */
  async load() {
    this.#plotly = await loadPlotly();
    this.#draw();
  }

  /**
   * Show traces, unless Plotly is still loading.
   * @param {object[]} traces
   * @param {{panel: any, title: string, label: string, size?: {width: number, height: number}}} options `panel` is a
   *   panel of a plot, which contains the axes. `title` is the title of the x axis. `label` describes the chart to
   *   screen readers. `size` is in px; by default, the chart fills its container.
   */
  show(traces, { panel, title, label, size }) {
    if (!this.#plotly) return;
    this.#container.setAttribute("role", "img");
    this.#container.setAttribute("aria-label", label);
    this.#plotly.react(this.#container, traces, { ...createLayout(title, panel), autosize: !size, ...size }, CONFIG);
  }
}

/**
 * Create a Plotly layout.
 * @param {string} title
 * @param {any} panel
 * @returns {object}
 */
function createLayout(title, { x_axis: x, y_axis: y }) {
  const [text, muted, border] = [cssColour("text"), cssColour("muted"), cssColour("border")];
  const axis = { fixedrange: true, gridcolor: border, linecolor: border, zeroline: false, tickfont: { color: muted } };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 52, r: 12, t: 10, b: 46 },
    showlegend: false,
    dragmode: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: cssColour("raised"), bordercolor: border, font: { color: text } },
    xaxis: {
      ...axis,
      title: { text: title, font: { color: muted, size: 13 }, standoff: 8 },
      range: x.limits,
      tickvals: x.ticks.map((/** @type {any} */ tick) => tick.position),
      ticktext: x.ticks.map((/** @type {any} */ tick) => tick.label),
    },
    yaxis: {
      ...axis,
      range: y.limits,
      tickvals: y.ticks.map((/** @type {any} */ tick) => tick.position),
      tickformat: ".0%",
    },
  };
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
  const hovertemplate = `%{customdata}<br>${escapeMarkup(name)} %{y:.1%}<extra></extra>`;
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
      customdata: spaced.map((point) => labels.get(point.x)),
    },
    {
      ...shared,
      x: unfinished.map((run) => run.x),
      y: unfinished.map((run) => run.metrics[metric]),
      mode: "markers",
      marker: { symbol, size: 8, color: cssColour("background"), line: { color: style.colour, width: 1.5 } },
      customdata: unfinished.map((run) => run.label),
    },
  ];
}

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
 * Return the note that explains the traces of `backgroundTraces`.
 * @param {any} panel A panel of a plot.
 * @returns {string}
 */
export const backgroundNote = ({ bands, levels }) =>
  [bands.length && "Grey band: best possible accuracy.", levels.length && "Dotted line: chance."]
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

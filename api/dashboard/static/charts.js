// Charts by Plotly, in the page's own colours; what can be clicked is beside them, as buttons.

import { element } from "./dom.js";
import { dark, labelsOf } from "./plots.js";

// What Plotly calls the markers of the API's line styles.
const SYMBOLS = {
  o: "circle", s: "square", "^": "triangle-up", D: "diamond", v: "triangle-down", P: "cross", X: "x", "*": "star",
}; // prettier-ignore
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };

/** @type {Promise<any> | null} */
let loading = null;

/** Plotly, which is loaded once the page has been painted: it is large. @returns {Promise<any>} */
function plotly() {
  loading ??= new Promise((loaded, failed) => {
    const address = /** @type {any} */ (document.querySelector("meta[name=plotly]")).content;
    const script = element("script", { src: address });
    script.onload = () => loaded(/** @type {any} */ (window).Plotly);
    script.onerror = () => failed(new Error("The charts could not be loaded: load this page again."));
    requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
  });
  return loading;
}

/** A colour of the style sheet. @param {string} name */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A chart of accuracies in an element of the page. */
export class Chart {
  #place;
  /** @type {any} */
  #plotly = null;
  #draw;

  /** @param {HTMLElement} place @param {() => void} draw Asked for when the chart can be drawn, or looks different. */
  constructor(place, draw) {
    this.#place = place;
    this.#draw = draw;
    dark.addEventListener("change", draw);
  }

  /** Get ready to draw. */
  async load() {
    this.#plotly = await plotly();
    this.#draw();
  }

  /**
   * Draw, unless there is nothing to draw with yet.
   * @param {object[]} traces
   * @param {{panel: any, title: string, words: string}} options Its axes are those of the panel of a plot; `words`
   *   describe it to those who do not see it.
   */
  show(traces, { panel, title, words }) {
    if (!this.#plotly) return;
    this.#place.setAttribute("role", "img");
    this.#place.setAttribute("aria-label", words);
    this.#plotly.react(this.#place, traces, layout(title, panel), CONFIG);
  }
}

/** @param {string} title @param {any} panel */
function layout(title, { x_axis: across, y_axis: up }) {
  const [ink, faint, rule] = [colour("ink"), colour("faint"), colour("rule")];
  const axis = { fixedrange: true, gridcolor: rule, linecolor: rule, zeroline: false, tickfont: { color: faint } };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 52, r: 12, t: 10, b: 46 },
    showlegend: false,
    dragmode: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: colour("raised"), bordercolor: rule, font: { color: ink } },
    xaxis: {
      ...axis,
      title: { text: title, font: { color: faint, size: 13 }, standoff: 8 },
      range: across.limits,
      tickvals: across.ticks.map((/** @type {any} */ tick) => tick.position),
      ticktext: across.ticks.map((/** @type {any} */ tick) => tick.label),
    },
    yaxis: {
      ...axis,
      range: up.limits,
      tickvals: up.ticks.map((/** @type {any} */ tick) => tick.position),
      tickformat: ".0%",
    },
  };
}

/**
 * A curve against scale: its means with their intervals, and hollow markers for the runs under way.
 * @param {import("./plots.js").Curve} curve
 * @param {{name: string, style: any, axis: any, hidden: boolean, underWay: any[], side: string}} options `side` is the
 *   metric of the runs under way.
 * @returns {object[]}
 */
export function curveTraces({ points, starts_apart: apart }, { name, style, axis, hidden, underWay, side }) {
  const labels = labelsOf(axis);
  /** @type {any[]} */
  const spaced = apart && points.length > 1 ? [points[0], { mean: null }, ...points.slice(1)] : points;
  const symbol = /** @type {any} */ (SYMBOLS)[style.marker];
  const shared = { name, visible: !hidden, hovertemplate: `%{customdata}<br>${escaped(name)} %{y:.1%}<extra></extra>` };
  return [
    {
      ...shared,
      x: spaced.map((point) => point.x),
      y: spaced.map((point) => point.mean),
      mode: "lines+markers",
      line: { color: style.colour, width: 2 },
      marker: { symbol, size: 8, color: style.colour, line: { color: style.colour, width: 1.5 } },
      error_y: errorBars(style.colour, spaced),
      customdata: spaced.map((point) => labels.get(point.x)),
    },
    {
      ...shared,
      x: underWay.map((run) => run.x),
      y: underWay.map((run) => run.metrics[side]),
      mode: "markers",
      marker: { symbol, size: 8, color: colour("paper"), line: { color: style.colour, width: 1.5 } },
      customdata: underWay.map((run) => run.label),
    },
  ];
}

/** @param {string} color @param {import("./plots.js").Point[]} points */
function errorBars(color, points) {
  const reach = (/** @type {"low" | "high"} */ end) =>
    points.map((point) => Math.abs((point[end] ?? point.mean) - point.mean));
  return {
    type: "data",
    symmetric: false,
    visible: points.some((point) => (point.low ?? null) !== null),
    array: reach("high"),
    arrayminus: reach("low"),
    color,
    thickness: 1.5,
    width: 4,
  };
}

/** What Plotly would take for its markup, taken for what it is. @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%", "&#37;");

// Charts by Plotly, in the page's own colours; what can be clicked is beside them, as buttons.

import { element } from "./dom.js";

const MARKERS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star"];
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };
// From viridis, but for its yellow end, which fades on white: lightness alone tells the colours apart.
const RAMP = {
  light: ["#440154", "#3b528b", "#21918c", "#5ec962"],
  dark: ["#7e6bc4", "#5aa0d6", "#45c7a8", "#d8e35c"],
};

const dark = matchMedia("(prefers-color-scheme: dark)");

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

/** What tells the curve at a place from others: a colour and a marker. @param {number} place */
export const lookOf = (place) => ({
  colour: colour(`several-${(place % MARKERS.length) + 1}`),
  marker: MARKERS[place % MARKERS.length],
});

/** A colour for each of several scales in their order. @param {number} place @param {number} count */
export function rampColour(place, count) {
  const stops = dark.matches ? RAMP.dark : RAMP.light;
  const along = count > 1 ? (place / (count - 1)) * (stops.length - 1) : 0;
  const [from, part] = [
    Math.min(Math.floor(along), stops.length - 2),
    along - Math.min(Math.floor(along), stops.length - 2),
  ];
  const channels = [1, 3, 5].map((at) => {
    const [low, high] = [stops[from], stops[from + 1]].map((stop) => parseInt(stop.slice(at, at + 2), 16));
    return Math.round(low + part * (high - low));
  });
  return `rgb(${channels.join(", ")})`;
}

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
   * @param {{xaxis: object, title: string, words: string, hovermode?: string}} options `words` describe it to those who
   *   do not see it.
   */
  show(traces, { xaxis, title, words, hovermode = "closest" }) {
    if (!this.#plotly) return;
    this.#place.setAttribute("role", "img");
    this.#place.setAttribute("aria-label", words);
    this.#plotly.react(this.#place, traces, layout(title, xaxis, hovermode), CONFIG);
  }
}

/** @param {string} title @param {object} xaxis @param {string} hovermode */
function layout(title, xaxis, hovermode) {
  const [ink, faint, rule] = [colour("ink"), colour("faint"), colour("rule")];
  const axis = { fixedrange: true, gridcolor: rule, linecolor: rule, zeroline: false, tickfont: { color: faint } };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 52, r: 12, t: 10, b: 46 },
    showlegend: false,
    dragmode: false,
    hovermode,
    hoverlabel: { bgcolor: colour("raised"), bordercolor: rule, font: { color: ink } },
    xaxis: { ...axis, title: { text: title, font: { color: faint, size: 13 }, standoff: 8 }, ...xaxis },
    yaxis: { ...axis, range: [-0.02, 1.02], dtick: 0.2, tickformat: ".0%" },
  };
}

/** @typedef {{mean: number, low: number | null, high: number | null}} Interval */

/**
 * The curve of some values against scale; markers of what is not done are hollow.
 * @param {{name: string, look: {colour: string, marker: string}, x: number[], y: number[], labels: string[],
 *   done: boolean[], intervals: (Interval | undefined)[], hidden: boolean}} curve
 */
export function curveTrace({ name, look, x, y, labels, done, intervals, hidden }) {
  const paper = colour("paper");
  return {
    name,
    x,
    y,
    visible: !hidden,
    mode: "lines+markers",
    line: { color: look.colour, width: 2 },
    marker: {
      symbol: look.marker,
      size: 8,
      color: done.map((is) => (is ? look.colour : paper)),
      line: { color: look.colour, width: 1.5 },
    },
    error_y: errorBars(look.colour, intervals),
    customdata: labels,
    hovertemplate: `%{customdata}<br>${escaped(name)} %{y:.1%}<extra></extra>`,
  };
}

/** @param {string} color @param {(Interval | undefined)[]} intervals */
function errorBars(color, intervals) {
  const reach = (/** @type {"low" | "high"} */ end) =>
    intervals.map((interval) => Math.abs((interval?.[end] ?? interval?.mean ?? 0) - (interval?.mean ?? 0)));
  const visible = intervals.some((interval) => interval && interval.low !== null);
  return {
    type: "data",
    symmetric: false,
    visible,
    array: reach("high"),
    arrayminus: reach("low"),
    color,
    thickness: 1.5,
    width: 4,
  };
}

/** What Plotly would take for its markup, taken for what it is. @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%", "&#37;");

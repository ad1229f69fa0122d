// Plotly charts in the colours of the page. Their legends are HTML buttons outside the chart.

import { element } from "./dom.js";
import { darkScheme } from "./plots.js";
import { Zoom } from "./zoom.js";

// A narrower chart has no room for the unit of the scales in one line, px.
const NARROW = 440;
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

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

/** Chart of accuracies or losses in an element of the page, with a zoom. */
export class Chart {
  #container;
  #isPercent;
  #zoom;
  /** @type {any} */
  #plotly = null;
  #draw;

  /**
   * Create a chart without loading Plotly.
   * @param {HTMLElement} container
   * @param {() => void} draw Called when Plotly is loaded, and when the colour scheme or the zoom changes.
   * @param {boolean} isPercent Whether the y axis has fractions.
   */
  constructor(container, draw, isPercent = true) {
    this.#container = container;
    this.#isPercent = isPercent;
    this.#zoom = new Zoom(container, draw, isPercent);
    this.#draw = draw;
    darkScheme.addEventListener("change", draw);
  }

  /** Load Plotly, then draw. */
  async load() {
    this.#plotly = await loadPlotly();
    this.#draw();
  }

  /**
   * Show curves, unless Plotly is still loading.
   * @param {any[]} curves Traces.
   * @param {{panel: any, label: string, background?: any[], size?: {width: number, height: number}}} options `panel`
   *   is a panel of a plot, which contains the axes. `label` describes the chart to screen readers. `background` has
   *   the traces behind the curves. `size` is in px, and shows the whole chart; by default, it fills its container.
   */
  show(curves, { panel, label, background = [], size }) {
    if (!this.#plotly) return;
    this.#container.setAttribute("role", "img");
    this.#container.setAttribute("aria-label", label);
    const area = size ? null : this.#zoom.area(curves, panel);
    const isNarrow = !size && this.#container.clientWidth < NARROW && panel.x_axis.label.includes(" (");
    const layout = { ...createLayout(panel, area, this.#isPercent, isNarrow), dragmode: this.#zoom.dragMode };
    const isNew = !(/** @type {any} */ (this.#container).on);
    this.#plotly.react(this.#container, [...background, ...curves], { ...layout, autosize: !size, ...size }, CONFIG);
    if (isNew) this.#zoom.follow(this.#container);
  }
}

/**
 * Create a Plotly layout.
 * @param {any} panel
 * @param {import("./zoom.js").Area | null} area The area to show; null for the whole panel.
 * @param {boolean} isPercent
 * @param {boolean} isNarrow Whether the title of the x axis needs two lines.
 * @returns {object}
 */
function createLayout({ x_axis: x, y_axis: y }, area, isPercent, isNarrow) {
  const [text, muted, border] = [cssColour("text"), cssColour("muted"), cssColour("border")];
  const axis = { gridcolor: border, linecolor: border, zeroline: false, tickfont: { color: muted } };
  // Where only a part of an axis is shown, Plotly finds the ticks; not on a logarithmic axis, whose labels are scales.
  const round = { nticks: 7, tickformat: "~g" };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 52, r: 12, t: 10, b: isNarrow ? 62 : 46 },
    showlegend: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: cssColour("raised"), bordercolor: border, font: { color: text } },
    xaxis: {
      ...axis,
      title: {
        text: isNarrow ? x.label.replace(" (", "<br>(") : x.label,
        font: { color: muted, size: 13 },
        standoff: 8,
      },
      range: area?.x ?? x.limits,
      ...(area && area.x !== x.limits && !x.log ? round : ticksOf(x)),
    },
    yaxis: {
      ...axis,
      range: area?.y ?? y.limits,
      ...(area ? round : ticksOf(y)),
      ...(isPercent && { tickformat: area ? ".1~%" : ".0%", ticktext: undefined }),
    },
  };
}

/**
 * Return the ticks of an axis of a plot.
 * @param {any} axis
 */
const ticksOf = ({ ticks }) => ({
  tickvals: ticks.map((/** @type {any} */ tick) => tick.position),
  ticktext: ticks.map((/** @type {any} */ tick) => tick.label),
});

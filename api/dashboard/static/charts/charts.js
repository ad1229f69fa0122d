// Charts of curves, each with a legend, a zoom and a note. Plotly draws them in the colours of the page.

import { byId } from "../common/dom.js";
import { render } from "../common/lit.js";
import { Legend } from "./legend.js";
import { darkScheme, unfinishedPoints } from "./plots.js";
import { backgroundTraces, curveTraces, markTraces } from "./traces.js";
import { Zoom } from "./zoom.js";

// A narrower chart has no room for the unit of the scales in one line, px.
const NARROW = 440;
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };
const HOLLOW_NOTE = "Hollow markers: latest epoch of a run that has not succeeded.";

/** @type {any} Plotly, when it is loaded. */
let plotly = null;

/**
 * Load Plotly after the first paint of the page, because the script is large.
 * @param {() => void} draw Called when Plotly is loaded, and when the colour scheme changes.
 */
export async function loadCharts(draw) {
  darkScheme.addEventListener("change", draw);
  await new Promise((resolve, reject) => {
    const url = /** @type {any} */ (document.querySelector("meta[name=plotly]")).content;
    const script = Object.assign(document.createElement("script"), { src: url });
    script.onload = resolve;
    script.onerror = () => reject(new Error("The charts could not be loaded. Reload this page."));
    requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
  });
  plotly = /** @type {any} */ (window).Plotly;
  draw();
}

/** @typedef {import("./plots.js").Curve} Curve */
/** @typedef {{panel?: any, runsOf?: (curve: Curve) => any[], plotted?: Set<string>,
 *   size?: {width: number, height: number}}} Options `panel` is one of the plot. `runsOf` returns the runs of a curve,
 *   which has hollow markers for those that are not in `plotted`, the ids of the runs in the plot. `size` is in px, and
 *   shows the whole chart; by default, the chart fills its element. */

/** Chart of the curves of a panel, in the elements of the macro in charts.html. */
export class CurveChart {
  #container;
  #note;
  #legend;
  #zoom;
  #isNew = true;

  /**
   * Create an empty chart.
   * @param {string} id Id of the element of the chart.
   * @param {() => void} draw Called when another part is to be shown.
   */
  constructor(id, draw) {
    this.#container = byId(id);
    this.#note = byId(`${id}-note`);
    this.#legend = new Legend(byId(`${id}-legend`), draw);
    this.#zoom = new Zoom(byId(`${id}-zoom`), draw);
  }

  /**
   * Show the curves of a panel. Until Plotly is loaded, show only what is around the chart.
   * @param {any} plot
   * @param {Options} options
   */
  show({ panels, theme }, { panel = panels[0], runsOf = () => [], plotted = new Set(), size } = {}) {
    const isHidden = (/** @type {Curve} */ curve) => this.#legend.isHidden(keyOf(curve, theme));
    const curves = panel.curves.map((/** @type {Curve} */ curve) => ({
      ...curve,
      key: keyOf(curve, theme),
      style: theme.styles[curve.style],
      colour: theme.styles[curve.style].colour,
      hidden: isHidden(curve),
      unfinished: unfinishedPoints(runsOf(curve), plotted, panel.x_axis, curve),
    }));
    const isHollow = curves.some((/** @type {any} */ { unfinished }) => unfinished.length);
    // Curves with one style, those of a class, have one entry.
    this.#legend.show([...new Map(curves.map((/** @type {any} */ curve) => [curve.key, curve])).values()]);
    this.#zoom.show(panel);
    if (this.#note) render([...panel.notes, ...(isHollow ? [HOLLOW_NOTE] : [])].join(" "), this.#note);
    if (!plotly) return;
    // Curves that are some of many are behind the others.
    const ordered = curves.toSorted(
      (/** @type {any} */ one, /** @type {any} */ other) => other.style.thin - one.style.thin,
    );
    const traces = [
      ...ordered.flatMap((/** @type {any} */ curve) => curveTraces(curve, panel, theme)),
      ...markTraces(
        panel,
        theme,
        new Set(panel.curves.filter(isHidden).map((/** @type {Curve} */ { style }) => style)),
      ),
    ];
    const area = size ? null : this.#zoom.area(traces, panel);
    const isNarrow = !size && this.#container.clientWidth < NARROW && panel.x_axis.label.includes(" (");
    const layout = { ...createLayout(panel, area, isNarrow), dragmode: this.#zoom.dragMode, autosize: !size, ...size };
    plotly.react(this.#container, [...backgroundTraces(panel, theme), ...traces], layout, CONFIG);
    if (this.#isNew) this.#zoom.follow(this.#container);
    this.#isNew = false;
  }
}

/**
 * Return the key of a curve in the legend: its sweep, because other sweeps may get its style, or the style that it
 * shares with others.
 * @param {any} curve
 * @param {any} theme
 */
const keyOf = ({ sweep_id: id, style }, { styles }) => (id && !styles[style].thin ? id : style);

/**
 * Return a colour of the style sheet.
 * @param {string} name
 * @returns {string}
 */
const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/**
 * Create a Plotly layout.
 * @param {any} panel
 * @param {import("./zoom.js").Area | null} area The area to show; null for the whole panel.
 * @param {boolean} isNarrow Whether the title of the x axis needs two lines.
 * @returns {object}
 */
function createLayout({ x_axis: x, y_axis: y }, area, isNarrow) {
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
      ...(y.fraction && { tickformat: area ? ".1~%" : ".0%", ticktext: undefined }),
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

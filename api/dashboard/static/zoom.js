// Zoom of a chart: to its curves, to the upper part of its axis, or to an area that the user drags.

import { element } from "./dom.js";

// On a touch screen, a finger that drags scrolls the page.
const hasMouse = matchMedia("(pointer: fine)");
const LEVELS = [0.5, 0.8, 0.9, 0.95];
// Margin around the curves, as a fraction of their range.
const MARGIN = 0.05;

/** @typedef {{x: number[], y: number[]}} Area Both ends of the axes. */

/** Choice of the shown area below a chart, and a button that shows the whole chart again. */
export class Zoom {
  /** @type {Area | null} Area that the user has dragged. */
  #dragged = null;
  #isLog = false;
  #select;
  #reset;
  #onChange;

  /**
   * Create the controls after a chart.
   * @param {HTMLElement} container
   * @param {() => void} onChange Called when another area is to be shown.
   * @param {boolean} isPercent Whether the y axis has fractions.
   */
  constructor(container, onChange, isPercent) {
    const levels = isPercent ? LEVELS.map((from) => [String(from), `${100 * from} to 100 %`]) : [];
    const choices = [["", "whole chart"], ["curves", "the curves"], ...levels];
    const options = choices.map(([value, text]) => element("option", { value }, text));
    this.#select = element("select", { change: () => this.#choose() }, ...options);
    this.#reset = element("button", { type: "button", hidden: true, click: () => this.#showAll() }, "Reset zoom");
    this.#onChange = onChange;
    container.after(element("p", { class: "zoom" }, element("label", {}, "Zoom ", this.#select), this.#reset));
  }

  /**
   * Follow the areas that the user drags.
   * @param {any} chart Plotly's element.
   */
  follow(chart) {
    chart.on("plotly_relayout", (/** @type {object} */ change) => {
      if (!Object.keys(change).some((name) => name.includes(".range"))) return;
      this.#dragged = { x: [...chart.layout.xaxis.range], y: [...chart.layout.yaxis.range] };
      this.#select.value = "";
      this.#update();
    });
  }

  /** Plotly's drag mode. */
  get dragMode() {
    return hasMouse.matches && "zoom";
  }

  /**
   * Return the area to show, or null for the whole chart.
   * @param {any[]} traces Traces of the curves.
   * @param {any} panel
   * @returns {Area | null}
   */
  area(traces, { x_axis: { limits: x, log }, y_axis: { limits } }) {
    const { value } = this.#select;
    // The same positions are other scales on a logarithmic axis.
    if (this.#dragged && log !== this.#isLog) this.#dragged.x = x;
    this.#isLog = log;
    if (value === "curves") return { x, y: rangeOf(traces) ?? limits };
    return value ? { x, y: [Number(value), 1 + MARGIN * (1 - Number(value))] } : this.#dragged;
  }

  /** Show the area that the user has chosen. */
  #choose() {
    this.#dragged = null;
    this.#update();
  }

  /** Show the whole chart. */
  #showAll() {
    this.#select.value = "";
    this.#choose();
    this.#select.focus(); // the button is hidden now
  }

  /** Show the reset button while the chart is zoomed. */
  #update() {
    this.#reset.hidden = !this.#dragged && !this.#select.value;
    this.#onChange();
  }
}

/**
 * Return the range of the visible curves and their intervals, with a margin.
 * @param {any[]} traces
 * @returns {number[] | null} null without a point.
 */
function rangeOf(traces) {
  const ends = traces
    .filter((trace) => trace.visible !== false)
    .flatMap(({ y, error_y: error }) =>
      y.flatMap((/** @type {number | null} */ value, /** @type {number} */ index) =>
        value === null ? [] : [value - (error?.arrayminus[index] ?? 0), value + (error?.array[index] ?? 0)],
      ),
    )
    .filter(Number.isFinite);
  if (!ends.length) return null;
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = MARGIN * (high - low) || 0.01;
  return [low - margin, high + margin];
}

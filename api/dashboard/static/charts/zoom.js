// Zoom of a chart: to its curves, to the upper part of its axis, or to an area that the user drags.

import { html, live, render } from "../common/lit.js";

// On a touch screen, a finger that drags scrolls the page.
const hasMouse = matchMedia("(pointer: fine)");
const LEVELS = [0.5, 0.8, 0.9, 0.95];
// Margin around the curves, as a fraction of their range.
const MARGIN = 0.05;

/** @typedef {{x: number[], y: number[]}} Area Both ends of the axes. */

/** Choice of the shown area of a chart, and a button that shows the whole chart again. */
export class Zoom {
  /** @type {Area | null} Area that the user has dragged. */
  #dragged = null;
  #choice = "";
  #isLog = false;
  #container;
  #onChange;

  /**
   * Create a zoom without controls.
   * @param {HTMLElement} container
   * @param {() => void} onChange Called when another area is to be shown.
   */
  constructor(container, onChange) {
    this.#container = container;
    this.#onChange = onChange;
  }

  /**
   * Show the controls.
   * @param {any} panel
   */
  show({ y_axis: { fraction } }) {
    const levels = fraction ? LEVELS.map((from) => [String(from), `${100 * from} to 100 %`]) : [];
    const choices = [["", "whole chart"], ["curves", "the curves"], ...levels];
    const options = choices.map(([value, text]) => html`<option value=${value}>${text}</option>`);
    const choose = (/** @type {Event} */ { target }) => this.#choose(/** @type {any} */ (target).value);
    render(
      html`<label>Zoom <select .value=${live(this.#choice)} @change=${choose}>${options}</select></label>
        <button type="button" ?hidden=${!this.#dragged && !this.#choice} @click=${() => this.#reset()}>Reset zoom</button>`,
      this.#container,
    );
  }

  /**
   * Follow the areas that the user drags.
   * @param {any} chart Plotly's element.
   */
  follow(chart) {
    chart.on("plotly_relayout", (/** @type {object} */ change) => {
      if (!Object.keys(change).some((name) => name.includes(".range"))) return;
      this.#choose("", { x: [...chart.layout.xaxis.range], y: [...chart.layout.yaxis.range] });
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
    // The same positions are other scales on a logarithmic axis.
    if (this.#dragged && log !== this.#isLog) this.#dragged.x = x;
    this.#isLog = log;
    if (this.#choice === "curves") return { x, y: rangeOf(traces) ?? limits };
    const from = Number(this.#choice);
    return from ? { x, y: [from, 1 + MARGIN * (1 - from)] } : this.#dragged;
  }

  /**
   * Show a part of the chart.
   * @param {string} choice Value of the control.
   * @param {Area | null} dragged
   */
  #choose(choice, dragged = null) {
    this.#choice = choice;
    this.#dragged = dragged;
    this.#onChange();
  }

  /** Show the whole chart. */
  #reset() {
    this.#choose("");
    this.#container.querySelector("select")?.focus(); // the button will be hidden
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

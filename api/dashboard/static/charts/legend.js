// Legend of a chart: one button per curve, which hides or shows it.

import { html, render, repeat } from "../common/lit.js";

/** Legend whose buttons hide and show curves. */
export class Legend {
  /** @type {Set<string>} */
  #hidden = new Set();
  #container;
  #onChange;

  /**
   * Create an empty legend.
   * @param {HTMLElement} container
   * @param {() => void} onChange Called when a curve is hidden or shown.
   */
  constructor(container, onChange) {
    this.#container = container;
    this.#onChange = onChange;
  }

  /**
   * Return true if the curve is hidden.
   * @param {string} key
   * @returns {boolean}
   */
  isHidden(key) {
    return this.#hidden.has(key);
  }

  /**
   * Show one button per entry.
   * @param {{key: string, name: string, colour: string}[]} entries
   */
  show(entries) {
    const button = (/** @type {{key: string, name: string, colour: string}} */ { key, name, colour }) => html`
      <button type="button" aria-pressed=${!this.isHidden(key)} @click=${() => this.#toggle(key)}>
        <span class="swatch" .style=${`background-color: ${colour}`}></span><span>${name}</span>
      </button>`;
    render(
      repeat(entries, ({ key }) => key, button),
      this.#container,
    );
  }

  /**
   * Hide a shown curve, or show a hidden one.
   * @param {string} key
   */
  #toggle(key) {
    if (!this.#hidden.delete(key)) this.#hidden.add(key);
    this.#onChange();
  }
}

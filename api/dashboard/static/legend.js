// Legend of a chart: one button per curve, which hides or shows it.

import { element, setText, updateChildren } from "./dom.js";

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
    const create = (/** @type {{key: string}} */ { key }) =>
      element(
        "button",
        { type: "button", click: () => this.#toggle(key) },
        element("span", { class: "swatch" }),
        element("span"),
      );
    updateChildren(
      this.#container,
      entries,
      (entry) => entry.key,
      create,
      (button, { key, name, colour }) => {
        button.setAttribute("aria-pressed", String(!this.#hidden.has(key)));
        button.firstChild.style.backgroundColor = colour;
        setText(button.lastChild, name);
      },
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

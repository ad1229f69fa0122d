// The legend of a chart: a button for each curve, which hides it and shows it again.

import { element, keep, write } from "./dom.js";

export class Legend {
  /** @type {Set<string>} */
  #hidden = new Set();
  #place;
  #changed;

  /** @param {HTMLElement} place @param {() => void} changed */
  constructor(place, changed) {
    this.#place = place;
    this.#changed = changed;
  }

  /** @param {string} key */
  hides(key) {
    return this.#hidden.has(key);
  }

  /** @param {{key: string, name: string, colour: string}[]} entries */
  show(entries) {
    const make = (/** @type {{key: string}} */ { key }) =>
      element(
        "button",
        { type: "button", click: () => this.#toggle(key) },
        element("span", { class: "swatch" }),
        element("span"),
      );
    keep(
      this.#place,
      entries,
      (entry) => entry.key,
      make,
      (button, { key, name, colour }) => {
        button.setAttribute("aria-pressed", String(!this.#hidden.has(key)));
        button.firstChild.style.backgroundColor = colour;
        write(button.lastChild, name);
      },
    );
  }

  /** @param {string} key */
  #toggle(key) {
    if (!this.#hidden.delete(key)) this.#hidden.add(key);
    this.#changed();
  }
}

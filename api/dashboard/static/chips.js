// A list of scales that is typed, each a button that removes it.

import { byId, element } from "./dom.js";
import { shortest } from "./words.js";

const BETWEEN = /[\s,;]+/;

/** The numbers in a text, as numbers; what is none stays as it is, for the API to refuse. @param {string} text */
export const entries = (text) =>
  text
    .split(BETWEEN)
    .filter(Boolean)
    .map((word) => (Number.isFinite(Number(word)) ? Number(word) : word));

export class Chips {
  /** @type {(number | string)[]} */
  #scales = [];
  #list;
  #entry;
  #changed;

  /** @param {string} prefix Of the ids in the page. @param {() => void} changed */
  constructor(prefix, changed) {
    this.#list = byId(`${prefix}scales-list`);
    this.#entry = byId(`${prefix}scales-entry`);
    this.#changed = changed;
    this.#entry.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#typed(event));
    this.#entry.addEventListener("input", () => {
      if (BETWEEN.test(this.#entry.value)) this.#commit();
    });
  }

  /** All that are listed, and what is still being typed. */
  get scales() {
    return [...new Set([...this.#scales, ...entries(this.#entry.value)])];
  }

  set scales(scales) {
    this.#scales = scales;
    this.#entry.value = "";
    this.#show();
    this.#changed();
  }

  /** Mark those at these places as wrong. @param {Set<number>} places */
  mark(places) {
    [...this.#list.children].forEach((item, place) => {
      item.firstChild.setAttribute("aria-invalid", String(places.has(place)));
    });
  }

  /** @param {KeyboardEvent} event */
  #typed(event) {
    if (event.key === "Enter" && this.#entry.value.trim()) {
      event.preventDefault(); // it adds, and does not send the form
      this.#commit();
    } else if (event.key === "Backspace" && !this.#entry.value && this.#scales.length) {
      this.scales = this.#scales.slice(0, -1);
    }
  }

  #commit() {
    const { scales } = this; // with what is typed
    this.scales = scales;
  }

  #show() {
    const chip = (/** @type {number | string} */ scale, /** @type {number} */ place) => {
      const words = typeof scale === "number" ? shortest(scale) : scale;
      const remove = () => {
        this.scales = this.#scales.filter((_, at) => at !== place);
        (this.#list.children[Math.min(place, this.#scales.length - 1)]?.firstChild ?? this.#entry).focus();
      };
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", class: "chip", "aria-label": `Remove scale ${words}`, click: remove },
          words,
        ),
      );
    };
    this.#list.replaceChildren(...this.#scales.map(chip));
  }
}

// Input for a list of scales. Each scale is a chip: a button that removes it.

import { byId, element } from "./dom.js";

const SEPARATOR = /[\s,;]+/;

/**
 * Parse a list of numbers. Entries that are not numbers stay text, and the API reports them as errors.
 * @param {string} text
 * @returns {(number | string)[]}
 */
export const parseNumbers = (text) =>
  text
    .split(SEPARATOR)
    .filter(Boolean)
    .map((entry) => (Number.isFinite(Number(entry)) ? Number(entry) : entry));

/** Input for a list of scales. */
export class Chips {
  /** @type {(number | string)[]} */
  #scales = [];
  #list;
  #entry;
  #onChange;

  /**
   * Attach to the elements of a page.
   * @param {string} prefix Prefix of their ids.
   * @param {() => void} onChange
   */
  constructor(prefix, onChange) {
    this.#list = byId(`${prefix}scales-list`);
    this.#entry = byId(`${prefix}scales-entry`);
    this.#onChange = onChange;
    this.#entry.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#onKeydown(event));
    this.#entry.addEventListener("input", () => {
      if (SEPARATOR.test(this.#entry.value)) this.#commit();
    });
  }

  /** Return the scales without duplicates, including the one that is being typed. */
  get scales() {
    return [...new Set([...this.#scales, ...parseNumbers(this.#entry.value)])];
  }

  /** Replace the scales and clear the text field. */
  set scales(scales) {
    this.#scales = scales;
    this.#entry.value = "";
    this.#show();
    this.#onChange();
  }

  /**
   * Mark the chips at these indexes as invalid.
   * @param {Set<number>} indexes
   */
  markInvalid(indexes) {
    [...this.#list.children].forEach((item, index) => {
      item.firstChild.setAttribute("aria-invalid", String(indexes.has(index)));
    });
  }

  /**
   * Add the typed scales on Enter, and remove the last one on Backspace in an empty field.
   * @param {KeyboardEvent} event
   */
  #onKeydown(event) {
    if (event.key === "Enter") {
      // Enter never submits the form from here. After a list was pasted, the field is empty.
      event.preventDefault();
      this.#commit();
    } else if (event.key === "Backspace" && !this.#entry.value && this.#scales.length) {
      this.scales = this.#scales.slice(0, -1);
    }
  }

  /** Turn the typed text into chips. */
  #commit() {
    const { scales } = this; // includes the typed text
    this.scales = scales;
  }

  /** Show one chip per scale. */
  #show() {
    const createChip = (/** @type {number | string} */ scale, /** @type {number} */ index) => {
      const text = String(scale);
      const remove = () => {
        this.scales = this.#scales.filter((_, position) => position !== index);
        (this.#list.children[Math.min(index, this.#scales.length - 1)]?.firstChild ?? this.#entry).focus();
      };
      return element(
        "li",
        {},
        element("button", { type: "button", class: "chip", "aria-label": `Remove scale ${text}`, click: remove }, text),
      );
    };
    this.#list.replaceChildren(...this.#scales.map(createChip));
  }
}

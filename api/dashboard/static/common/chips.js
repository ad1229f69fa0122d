// Input for a list of scales. Each scale is a chip: a button that removes it.

import { byId } from "./dom.js";
import { html, render, repeat } from "./lit.js";

const SEPARATOR = /[\s,;]+/;

/** @typedef {number | string} Entry A number, or text that is not one, which the API reports as an error. */

/**
 * Parse a list of numbers.
 * @param {string} text
 * @returns {Entry[]}
 */
export const parseNumbers = (text) =>
  text
    .split(SEPARATOR)
    .filter(Boolean)
    .map((entry) => (Number.isFinite(Number(entry)) ? Number(entry) : entry));

/**
 * Attach to the elements of a page.
 * @param {string} prefix Prefix of their ids.
 * @param {() => void} onChange
 */
export function createChips(prefix, onChange = () => {}) {
  const [list, entry] = [byId(`${prefix}scales-list`), byId(`${prefix}scales-entry`)];
  /** @type {Entry[]} */
  let scales = [];

  /** Return the scales without duplicates, including the one that is being typed. */
  const read = () => [...new Set([...scales, ...parseNumbers(entry.value)])];

  /**
   * Replace the scales and clear the text field.
   * @param {Entry[]} others
   */
  function write(others) {
    scales = others;
    entry.value = "";
    render(repeat(scales, String, chip), list);
    onChange();
  }

  /**
   * Return the template of a chip.
   * @param {Entry} scale
   * @param {number} index
   */
  const chip = (scale, index) =>
    html`<li>
      <button type="button" class="chip" aria-label="Remove scale ${scale}" @click=${() => remove(index)}>${scale}</button>
    </li>`;

  /**
   * Remove a scale, and move the focus to the next one.
   * @param {number} index
   */
  function remove(index) {
    write(scales.filter((_, position) => position !== index));
    (list.children[Math.min(index, scales.length - 1)]?.firstElementChild ?? entry).focus();
  }

  entry.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") {
      // Enter never submits the form from here. After a list was pasted, the field is empty.
      event.preventDefault();
      write(read());
    } else if (event.key === "Backspace" && !entry.value && scales.length) write(scales.slice(0, -1));
  });
  entry.addEventListener("input", () => {
    if (SEPARATOR.test(entry.value)) write(read());
  });
  return { read, write };
}

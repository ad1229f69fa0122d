// Values of form fields, by the type that their attribute data-type names.

import { parseNumbers } from "./chips.js";
import { choose } from "./dom.js";

/** @type {Record<string, (input: any) => unknown>} Read the value of a field. undefined stands for the default. */
const READERS = {
  boolean: (input) => input.checked,
  text: (input) => input.value.trim() || undefined,
  number: (input) => (input.validity.badInput ? input.value : input.value === "" ? undefined : Number(input.value)),
  numbers: (input) => parseNumbers(input.value),
  tags: (input) => parsePairs(input.value, ",", (value) => value.trim()),
  noise: (input) => parsePairs(input.value, ";", parseNumbers, (kind) => kind.toLowerCase().replaceAll("-", "_")),
};

/** @type {Record<string, (value: any) => string>} Format a value as the text of a field. */
const FORMATS = {
  numbers: (numbers) => numbers.join(", "),
  tags: (tags) => formatPairs(tags, ":", ", "),
  noise: (kinds) => formatPairs(kinds, ": ", "; "),
};

/**
 * Return the value of a field. undefined stands for the default.
 * @param {any} input
 */
export const readField = (input) => READERS[input.dataset.type](input);

/**
 * Set the value of a field, unless it is undefined.
 * @param {any} input
 * @param {any} value null empties the field.
 */
export function writeField(input, value) {
  if (value === undefined) return;
  if (input.type === "checkbox") input.checked = value;
  else if (input.options) choose(input, value);
  else input.value = FORMATS[input.dataset.type]?.(value) ?? value ?? "";
}

/**
 * Parse pairs of the form "key: value".
 * @template Value
 * @param {string} text
 * @param {string} separator
 * @param {(value: string) => Value} parse
 * @param {(key: string) => string} spell Returns the spelling of a key that the API accepts.
 * @returns {Record<string, Value> | undefined} undefined if there is none.
 */
function parsePairs(text, separator, parse, spell = String) {
  const pairs = text.split(separator).filter((pair) => pair.trim());
  if (!pairs.length) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, ...value] = pair.split(":");
      return [spell(key.trim()), parse(value.join(":"))];
    }),
  );
}

/**
 * Format pairs.
 * @param {Record<string, string | number[]>} pairs
 * @param {string} colon
 * @param {string} separator
 */
const formatPairs = (pairs, colon, separator) =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}${colon}${Array.isArray(value) ? value.join(", ") : value}`)
    .join(separator);

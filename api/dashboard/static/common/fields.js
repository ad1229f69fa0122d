// Values of form fields, by the type that their attribute data-type names.

import { parseNumbers } from "./chips.js";
import { choose } from "./dom.js";

// Tags between commas. A value in double quotes may contain commas, and "" stands for a quote, as in CSV.
const TAGS = /(?:(?<=:\s*)"(?:[^"]|"")*"|[^,])+/g;

/** @type {Record<string, (input: any) => unknown>} Read the value of a field. undefined stands for the default. */
const READERS = {
  boolean: (input) => input.checked,
  text: (input) => input.value.trim() || undefined,
  number: (input) => (input.validity.badInput ? input.value : input.value === "" ? undefined : Number(input.value)),
  numbers: (input) => parseNumbers(input.value),
  tags: (input) => parsePairs(input.value.match(TAGS) ?? [], unquote),
  noise: (input) => parsePairs(input.value.split(";"), parseNumbers, (kind) => kind.toLowerCase().replaceAll("-", "_")),
};

/** @type {Record<string, (value: any) => string>} Format a value as the text of a field. */
const FORMATS = {
  numbers: (numbers) => numbers.join(", "),
  tags: (tags) => formatPairs(tags, ":", quote, ", "),
  noise: (kinds) => formatPairs(kinds, ": ", FORMATS.numbers, "; "),
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
 * @param {string[]} pairs
 * @param {(value: string) => Value} parse
 * @param {(key: string) => string} spell Returns the spelling of a key that the API accepts.
 * @returns {Record<string, Value> | undefined} undefined if there is none.
 */
function parsePairs(pairs, parse, spell = String) {
  const entries = pairs
    .filter((pair) => pair.trim())
    .map((pair) => {
      const [key, ...value] = pair.split(":");
      return [spell(key.trim()), parse(value.join(":"))];
    });
  return entries.length ? Object.fromEntries(entries) : undefined;
}

/**
 * Format pairs.
 * @param {Record<string, any>} pairs
 * @param {string} colon
 * @param {(value: any) => string} format
 * @param {string} separator
 */
const formatPairs = (pairs, colon, format, separator) =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}${colon}${format(value)}`)
    .join(separator);

/**
 * Return the value of a tag without the spaces around it, and without its quotes.
 * @param {string} text
 */
const unquote = (text) => text.trim().replace(/^"((?:[^"]|"")*)"$/, (_, quoted) => quoted.replaceAll('""', '"'));

/**
 * Return the value of a tag in quotes if it would otherwise be read as another one.
 * @param {string} value
 */
const quote = (value) => (/[",]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

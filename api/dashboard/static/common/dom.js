// Elements that the HTML of a page contains: their texts and choices.

/**
 * Return the element with this id. The page must contain it.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Set the text of an element if it has changed.
 * @param {Element} target
 * @param {unknown} value null and undefined give an empty text.
 */
export function setText(target, value) {
  const text = value === null || value === undefined ? "" : String(value);
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Set the text of an element, and hide the element if the text is empty.
 * @param {any} target
 * @param {unknown} text
 */
export function showText(target, text) {
  setText(target, text);
  target.hidden = !text;
}

/**
 * Select a value. Add it to the choices if it is missing.
 * @param {any} select
 * @param {string} value
 */
export function choose(select, value) {
  offer(select, value);
  select.value = value;
}

/**
 * Add a value to the choices if it is missing.
 * @param {any} select
 * @param {string} value
 */
export function offer(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value, value));
}

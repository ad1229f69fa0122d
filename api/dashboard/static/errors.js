// Error messages: at the fields of a form, and at the top of the page.

import { Problem } from "./api.js";
import { byId, showText } from "./dom.js";

/**
 * Return the field that a JSON pointer refers to, or "" for the whole body.
 * @param {string} pointer
 * @returns {string}
 */
export function fieldOf(pointer) {
  const [field, part] = pointer.replace(/^#\/?/, "").split("/");
  return field === "model" && part ? part : field;
}

/**
 * Return the indexes of the invalid items in a list field.
 * @param {{pointer: string}[]} errors
 * @param {string} field
 * @returns {Set<number>}
 */
export const invalidIndexes = (errors, field) =>
  new Set(
    errors.filter((error) => fieldOf(error.pointer) === field).map((error) => Number(error.pointer.split("/")[2])),
  );

/**
 * Show the errors of a request in its form, or clear them if `problem` is null.
 * @param {HTMLFormElement} form Marks its fields with data-field.
 * @param {HTMLElement} other Shows the errors that belong to no field.
 * @param {unknown} problem
 */
export function showFormErrors(form, other, problem) {
  const errors = problem instanceof Problem ? problem.errors : [];
  const unmatched = new Set(errors);
  for (const field of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-field]"))) {
    const matching = errors.filter((error) => fieldOf(error.pointer) === field.dataset.field);
    for (const error of matching) unmatched.delete(error);
    showText(field.querySelector(".invalid"), [...new Set(matching.map((error) => error.detail))].join(". "));
    field.querySelector("input, select")?.setAttribute("aria-invalid", String(matching.length > 0));
    if (matching.length) field.closest("details")?.setAttribute("open", "");
  }
  const details = [...unmatched].map((error) => error.detail).join(". ");
  showText(other, details || (problem && !errors.length ? messageOf(problem) : ""));
}

/**
 * Return the message of an error.
 * @param {unknown} problem
 * @returns {string}
 */
export const messageOf = (problem) => (problem instanceof Error ? problem.message : String(problem));

/**
 * Show an error at the top of the page until the next user action.
 * @param {unknown} problem
 */
export const report = (problem) => showText(byId("page-error"), messageOf(problem));

/**
 * Run a user action. If it fails, show the error at the top of the page.
 * @param {() => Promise<unknown>} action
 */
export async function attempt(action) {
  const message = byId("page-error");
  showText(message, ""); // cleared before the action, because another error may be shown during it
  try {
    await action();
  } catch (problem) {
    report(problem);
    message.scrollIntoView({ block: "nearest" });
  }
}

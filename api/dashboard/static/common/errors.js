// Error messages: at the fields of a form, and at the top of the page.

import { Problem } from "./api.js";
import { byId, showText } from "./dom.js";

/**
 * Return the field that a JSON pointer refers to, or "" for the whole body.
 * @param {{pointer: string}} error
 * @returns {string}
 */
function fieldOf({ pointer }) {
  const [field, part] = pointer.replace(/^#\/?/, "").split("/");
  return field === "model" && part ? part : field;
}

/**
 * Show the errors of a request in its form, or clear them if `problem` is null. Errors that belong to no field are shown
 * in the alert of the form.
 * @param {HTMLFormElement} form Marks its fields with data-field. A field may have a chip for each item of a list.
 * @param {unknown} problem
 */
export function showFormErrors(form, problem) {
  const errors = problem instanceof Problem ? problem.errors : [];
  const unmatched = new Set(errors);
  for (const field of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-field]"))) {
    const matching = errors.filter((error) => fieldOf(error) === field.dataset.field);
    for (const error of matching) unmatched.delete(error);
    showText(field.querySelector(".invalid"), [...new Set(matching.map((error) => error.detail))].join(". "));
    field.querySelector("input, select")?.setAttribute("aria-invalid", String(matching.length > 0));
    const items = matching.map(({ pointer }) => Number(pointer.split("/")[2]));
    field.querySelectorAll(".chip").forEach((chip, index) => {
      chip.setAttribute("aria-invalid", String(items.includes(index)));
    });
    if (matching.length) field.closest("details")?.setAttribute("open", "");
  }
  const details = [...unmatched].map((error) => error.detail).join(". ");
  showText(form.querySelector("[role=alert]"), details || (problem && !errors.length ? messageOf(problem) : ""));
}

/**
 * Run an action when a form is submitted. If it fails, show its errors in the form, and move the focus to the first
 * invalid field.
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} action
 */
export function onSubmit(form, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await action();
      showFormErrors(form, null);
    } catch (problem) {
      showFormErrors(form, problem);
      /** @type {any} */ (form.querySelector('[aria-invalid="true"]'))?.focus();
    }
  });
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

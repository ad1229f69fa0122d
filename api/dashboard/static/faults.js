// What is wrong with a request, shown at the fields that it is about.

import { byId, tell } from "./dom.js";
import { Problem } from "./api.js";

/** The field of a JSON pointer into the body, "" for the body itself. @param {string} pointer */
export const fieldOf = (pointer) => pointer.replace(/^#\/?/, "").split("/")[0];

/** The places in a field's list that pointers lead to. @param {{pointer: string}[]} errors @param {string} field */
export const placesIn = (errors, field) =>
  new Set(
    errors.filter((error) => fieldOf(error.pointer) === field).map((error) => Number(error.pointer.split("/")[2])),
  );

/**
 * Show a problem in a form, or show that there is none.
 * @param {HTMLFormElement} form Its fields are marked data-field.
 * @param {HTMLElement} whole Where what is about no field is told.
 * @param {unknown} problem
 */
export function showFaults(form, whole, problem) {
  const errors = problem instanceof Problem ? problem.errors : [];
  const left = new Set(errors);
  for (const field of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-field]"))) {
    const ours = errors.filter((error) => fieldOf(error.pointer) === field.dataset.field);
    ours.forEach((error) => left.delete(error));
    tell(field.querySelector(".invalid"), [...new Set(ours.map((error) => error.detail))].join(". "));
    field.querySelector("input, select")?.setAttribute("aria-invalid", String(ours.length > 0));
    if (ours.length) field.closest("details")?.setAttribute("open", "");
  }
  const others = [...left].map((error) => error.detail).join(". ");
  tell(whole, others || (problem && !errors.length ? messageOf(problem) : ""));
}

/** @param {unknown} problem */
export const messageOf = (problem) => (problem instanceof Error ? problem.message : String(problem));

/** Tell at the top of the page what has gone wrong, until a person asks for something. @param {unknown} problem */
export const report = (problem) => tell(byId("fault"), messageOf(problem));

/** Do what a person asks for, and tell at the top of the page if it goes wrong. @param {() => Promise<unknown>} work */
export async function attempt(work) {
  const place = byId("fault");
  tell(place, ""); // before and not after, when it may be another's
  try {
    await work();
  } catch (problem) {
    report(problem);
    place.scrollIntoView({ block: "nearest" });
  }
}

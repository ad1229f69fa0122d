// The parts of lit-html that the page uses. `npm run bundle` makes lit.js from this file, so types and code agree.

export { html, nothing, render, svg, type TemplateResult } from "lit-html";
export { live } from "lit-html/directives/live.js";
export { repeat } from "lit-html/directives/repeat.js";

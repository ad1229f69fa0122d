// The form of a new sweep: what it asks for, what that would cost, and what is wrong with it.

import { idempotencyKey, post, Problem } from "./api.js";
import { Chips } from "./chips.js";
import { byId, write } from "./dom.js";
import { messageOf, placesIn, showFaults } from "./faults.js";
import { count, duration } from "./words.js";

const AFTER_TYPING = 350; // ms
/** @type {Record<string, number[]>} */
const PRESETS = {
  notebook: [0.1, 0.5, 1, 2, 4],
  fine: Array.from({ length: 16 }, (_, place) => Number((0.05 * 100 ** (place / 15)).toPrecision(2))),
  corruption: [0.08, 0.12, 0.18, 0.26, 0.38],
  none: [],
};

/** @type {Record<string, (input: any) => unknown>} What a field says; undefined for the default. */
const READ = {
  boolean: (input) => input.checked,
  text: (input) => input.value.trim() || undefined,
  number: (input) => (input.validity.badInput ? input.value : input.value === "" ? undefined : Number(input.value)),
  numbers: (input) => input.value.split(",").map((/** @type {string} */ word) => (word.trim() ? Number(word) : word)),
  tags: (input) => tagsOf(input.value),
};

/** @param {string} text @returns {Record<string, string> | undefined} */
function tagsOf(text) {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter(Boolean);
  if (!pairs.length) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => [pair.split(":")[0].trim(), pair.split(":").slice(1).join(":").trim()]),
  );
}

export class SweepForm {
  #form = byId("sweep-form");
  #chips = new Chips("", () => this.#estimateSoon());
  #key = idempotencyKey();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asking = new AbortController();

  constructor() {
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("input", () => this.#estimateSoon());
    for (const button of this.#form.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => (this.#chips.scales = PRESETS[button.dataset.preset]));
    }
    // Back may lead to the page as it was left, and the sweep that is started then is another.
    addEventListener("pageshow", (/** @type {PageTransitionEvent} */ event) => {
      if (!event.persisted) return;
      byId("submit").disabled = false;
      this.#key = idempotencyKey();
    });
    this.#chips.scales = PRESETS.notebook;
  }

  /** Say what is known of the data set that is chosen. @param {any[]} datasets Those of GET /datasets. */
  describe(datasets) {
    const select = byId("dataset");
    const say = () => {
      const chosen = datasets.find((dataset) => dataset.name === select.value);
      const images = chosen && count(chosen.training_images, "training image");
      write(byId("dataset-help"), chosen ? `${images}, ${chosen.classes} classes. ${chosen.description}` : "");
    };
    select.addEventListener("change", say);
    say();
  }

  get #body() {
    const inputs = [...this.#form.querySelectorAll("[data-type]")];
    const said = Object.fromEntries(inputs.map((input) => [input.name, READ[input.dataset.type](input)]));
    return { ...said, scales: this.#chips.scales };
  }

  #estimateSoon() {
    this.#key = idempotencyKey(); // what is asked for is another sweep now
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#estimate(), AFTER_TYPING);
  }

  async #estimate() {
    this.#asking.abort();
    this.#asking = new AbortController();
    try {
      const estimate = await post("/sweeps?dry_run=true", this.#body, { signal: this.#asking.signal });
      this.#show(null);
      write(byId("estimate"), wordsOfEstimate(estimate));
    } catch (problem) {
      if (problem instanceof DOMException) return; // a later one is under way
      const invalid = problem instanceof Problem && problem.errors.length > 0;
      this.#show(invalid ? problem : null);
      write(byId("estimate"), invalid ? "" : messageOf(problem));
    }
  }

  /** @param {unknown} problem */
  #show(problem) {
    showFaults(this.#form, byId("form-fault"), problem);
    this.#chips.mark(placesIn(problem instanceof Problem ? problem.errors : [], "scales"));
  }

  async #submit() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    const button = byId("submit");
    button.disabled = true;
    try {
      const sweep = await post("/sweeps", this.#body, { headers: { "Idempotency-Key": this.#key } });
      location.assign(`/ui/sweeps/${sweep.id}`);
    } catch (problem) {
      button.disabled = false;
      this.#show(problem);
      this.#form.querySelector('[aria-invalid="true"]')?.focus();
    }
  }
}

/** @param {any} estimate */
function wordsOfEstimate({ runs, reused_runs: reused, images, estimated_seconds: seconds, queue_position: position }) {
  if (reused === runs) return `${count(runs, "run")}, trained before: answered at once.`;
  const parts = [count(runs, "run")];
  if (reused) parts.push(`${reused} of them trained before`);
  if (images) parts.push(`${count(images, "image")} to train on`);
  if (position) parts.push(`${count(position, "run")} queued before`);
  const time =
    seconds === null ? " No estimate of the time: nothing like it was trained lately." : ` About ${duration(seconds)}.`;
  return `${parts.join(", ")}.${time}`;
}

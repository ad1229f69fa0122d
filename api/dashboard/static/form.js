// Form of a new sweep, with its estimate and its errors.

import { newIdempotencyKey, Problem, post } from "./api.js";
import { Chips } from "./chips.js";
import { byId, choose, offer, setText, showText } from "./dom.js";
import { invalidIndexes, messageOf, showFormErrors } from "./errors.js";
import { readField, writeField } from "./fields.js";
import { formatCount, formatDuration, sweepName } from "./format.js";
import { ROOT } from "./root.js";

const TYPING_DELAY = 350; // ms
/** @type {Record<string, number[]>} */
const PRESETS = {
  notebook: [0.1, 0.5, 1, 2, 4],
  fine: Array.from({ length: 16 }, (_, index) => Number((0.05 * 100 ** (index / 15)).toPrecision(2))),
  none: [],
};

/** @type {Record<string, string>} */
const NETWORKS = {
  mlp: "Dense layers",
  cnn: "LeNet, about 5 times slower",
};

/** Form that submits a sweep and shows an estimate while the user edits it. */
export class SweepForm {
  #form = byId("sweep-form");
  #chips = new Chips("", () => this.#scheduleEstimate());
  #key = newIdempotencyKey();
  /** @type {number[]} Seeds of the sweep that the form was filled with, if they are not 0, 1, ... */
  #seeds = [];
  /** @type {any} The selected kind of noise, from GET /noise/kinds. */
  #kind = { imagenet_c_scales: [], minimum_scale: 0, maximum_scale: Number.POSITIVE_INFINITY };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #estimateRequest = new AbortController();

  /** Attach to the form of the page. */
  constructor() {
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("input", () => this.#scheduleEstimate());
    for (const button of this.#form.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => this.#usePreset(button));
    }
    // The Back button may restore this page with a disabled button and a used key. The next sweep is a new one.
    addEventListener("pageshow", (/** @type {PageTransitionEvent} */ event) => {
      if (!event.persisted) return;
      byId("submit").disabled = false;
      this.#key = newIdempotencyKey();
    });
    this.#chips.scales = PRESETS.notebook;
    this.#describeNetwork();
  }

  /**
   * Fill in the settings of a sweep.
   * @param {any} sweep
   */
  fill(sweep) {
    const { config, name, tags, scales, seeds, runs } = sweep;
    const values = {
      ...config,
      ...config.model,
      model: config.model.kind,
      include_clean: scales.includes(0),
      repeats: seeds.length,
      keep_model: runs.some((/** @type {any} */ run) => run.keep_model),
      name: name ?? "",
      tags,
    };
    for (const input of this.#inputs) writeField(input, values[input.name]);
    for (const select of ["dataset", "model", "noise"]) byId(select).dispatchEvent(new Event("change"));
    this.#chips.scales = scales.filter(Boolean);
    const isUsual = seeds.every((/** @type {number} */ seed, /** @type {number} */ index) => seed === index);
    this.#seeds = isUsual ? [] : seeds;
    const kept = isUsual ? "" : ` Its seeds are ${seeds.join(", ")}.`;
    showText(
      byId("filled"),
      `Filled in with the settings of ${sweepName(sweep)}, also those under More settings.${kept}`,
    );
  }

  /**
   * Fill in the scales of a preset.
   * @param {any} button
   */
  #usePreset({ dataset: { preset } }) {
    const { imagenet_c_scales: severities } = this.#kind;
    if (preset === "corruption") byId("clip").checked = true;
    this.#chips.scales =
      preset === "corruption"
        ? severities
        : PRESETS[preset].filter((scale) => scale >= this.#kind.minimum_scale && scale <= this.#kind.maximum_scale);
  }

  /**
   * Show the description of the selected kind of noise.
   * @param {any[]} kinds From GET /noise/kinds.
   */
  describeNoise(kinds) {
    const select = byId("noise");
    const corruption = this.#form.querySelector("[data-preset=corruption]");
    const show = () => {
      this.#kind = kinds.find(({ name }) => name === select.value);
      setText(byId("noise-help"), this.#kind.remark);
      setText(byId("scales-help"), this.#kind.scale_meaning);
      corruption.disabled = !this.#kind.imagenet_c_scales.length;
    };
    select.addEventListener("change", show);
    show();
  }

  /** Show the description and the fields of the selected kind of network. */
  #describeNetwork() {
    const select = byId("model");
    const show = () => {
      setText(byId("model-help"), NETWORKS[select.value]);
      for (const part of this.#form.querySelectorAll("[data-network]")) {
        part.hidden = part.dataset.network !== select.value;
      }
    };
    select.addEventListener("change", show);
    show();
  }

  /**
   * Offer the data sets, and show the description of the selected one.
   * @param {any[]} datasets From GET /datasets.
   */
  describeDatasets(datasets) {
    const [select, filter] = [byId("dataset"), byId("filter-dataset")];
    for (const { name } of datasets) for (const list of [select, filter]) offer(list, name);
    select.onchange = () => {
      const selected = datasets.find((dataset) => dataset.name === select.value);
      setText(byId("dataset-help"), selected ? formatCount(selected.training_images, "image") : "");
      select.title = selected ? `${selected.classes} classes. ${selected.description}` : "";
    };
    select.onchange();
  }

  /**
   * Select a data set.
   * @param {string} name
   */
  selectDataset(name) {
    choose(byId("dataset"), name);
    byId("dataset").onchange();
    this.#scheduleEstimate();
  }

  /** Return the fields, without the scales. */
  get #inputs() {
    return [...this.#form.querySelectorAll("[data-type]")];
  }

  /** Return the request body. */
  get #body() {
    const read = (/** @type {any[]} */ some) => Object.fromEntries(some.map((input) => [input.name, readField(input)]));
    const { model: kind, repeats, ...values } = read(this.#inputs.filter((input) => !input.closest("[data-network]")));
    const model = { kind, ...read(this.#inputs.filter((input) => input.closest(`[data-network="${kind}"]`))) };
    const seeds = this.#seeds.length && repeats === this.#seeds.length ? { seeds: this.#seeds } : { repeats };
    return { ...values, ...seeds, model, scales: this.#chips.scales };
  }

  /** Request an estimate when the user stops typing. */
  #scheduleEstimate() {
    this.#key = newIdempotencyKey(); // the edited form describes another sweep
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#estimate(), TYPING_DELAY);
  }

  /** Show the estimate, or the errors of the form. */
  async #estimate() {
    this.#estimateRequest.abort();
    this.#estimateRequest = new AbortController();
    try {
      const estimate = await post("/sweeps?dry_run=true", this.#body, { signal: this.#estimateRequest.signal });
      this.#showErrors(null);
      setText(byId("estimate"), formatEstimate(estimate));
    } catch (problem) {
      if (problem instanceof DOMException) return; // aborted by a newer request
      const invalid = problem instanceof Problem && problem.errors.length > 0;
      this.#showErrors(invalid ? problem : null);
      setText(byId("estimate"), invalid ? "" : messageOf(problem));
    }
  }

  /**
   * Show the errors of a problem, or clear them if it is null.
   * @param {unknown} problem
   */
  #showErrors(problem) {
    showFormErrors(this.#form, byId("form-error"), problem);
    this.#chips.markInvalid(invalidIndexes(problem instanceof Problem ? problem.errors : [], "scales"));
  }

  /** Submit the sweep and open its page, or show the errors. */
  async #submit() {
    clearTimeout(this.#timer);
    this.#estimateRequest.abort();
    const button = byId("submit");
    button.disabled = true;
    try {
      const sweep = await post("/sweeps", this.#body, { headers: { "Idempotency-Key": this.#key } });
      location.assign(`${ROOT}/ui/sweeps/${sweep.id}`);
    } catch (problem) {
      button.disabled = false;
      this.#showErrors(problem);
      this.#form.querySelector('[aria-invalid="true"]')?.focus();
    }
  }
}

/**
 * Format an estimate as a sentence.
 * @param {any} estimate
 * @returns {string}
 */
function formatEstimate(estimate) {
  const { runs, reused_runs: reused, estimated_seconds: seconds, is_rough: rough, queue_position: position } = estimate;
  if (reused === runs) return `${formatCount(runs, "run")}, all reused: the results are available immediately.`;
  const parts = [formatCount(runs, "run")];
  if (reused) parts.push(`${reused} of them reused`);
  if (estimate.model_bytes) parts.push(`${(estimate.model_bytes / 1e6).toFixed(1)} MB of models to store`);
  if (position) parts.push(`${formatCount(position, "run")} ahead in the queue`);
  const about = seconds === null ? "" : formatDuration(seconds);
  const known = rough ? `Roughly ${about}: nothing similar was trained yet.` : `About ${about}.`;
  const time = about ? known : "Time unknown until a worker has trained an epoch.";
  return `${parts.join(", ")}. ${time}`;
}

// Form of a new sweep, with its estimate and its errors.

import { get, newIdempotencyKey, Problem, post } from "../common/api.js";
import { createChips } from "../common/chips.js";
import { byId, choose, offer, setText, showText } from "../common/dom.js";
import { messageOf, onSubmit, showFormErrors } from "../common/errors.js";
import { readField, writeField } from "../common/fields.js";
import { formatCount, formatDuration, sweepName } from "../common/format.js";
import { ROOT } from "../common/root.js";

const TYPING_DELAY = 350; // ms
/** @type {Record<string, number[]>} */
const PRESETS = {
  notebook: [0.1, 0.5, 1, 2, 4],
  fine: Array.from({ length: 16 }, (_, index) => Number((0.05 * 100 ** (index / 15)).toPrecision(2))),
  none: [],
};
/** @type {Record<string, string>} */
const NETWORKS = { mlp: "Multilayer perceptron", cnn: "Convolutional (LeNet), about 5 times slower" };

const form = byId("sweep-form");
const chips = createChips("", scheduleEstimate);
let key = newIdempotencyKey();
/** @type {number[]} Seeds of the sweep that the form was filled with, if they are not 0, 1, ... */
let ownSeeds = [];
/** @type {any[]} From GET /datasets. */
let datasets = [];
/** @type {any[]} From GET /noise/kinds. */
let kinds = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let estimateRequest = new AbortController();

/** Read the data sets, and offer them in the form and in the filter of the list. */
export async function readDatasets() {
  ({ datasets } = await get("/datasets"));
  for (const { name } of datasets) for (const select of ["dataset", "filter-dataset"]) offer(byId(select), name);
  describe();
}

/** Read the kinds of noise, and describe the selected one. */
export async function readKinds() {
  ({ kinds } = await get("/noise/kinds?dataset=digits"));
  describe();
}

/**
 * Select a data set.
 * @param {string} name
 */
export function selectDataset(name) {
  choose(byId("dataset"), name);
  describe();
  scheduleEstimate();
}

/**
 * Fill in the settings of a sweep.
 * @param {any} sweep
 */
export function fill(sweep) {
  const { config, name, tags, scales, seeds, runs } = sweep;
  const values = {
    ...config,
    ...config.model,
    model: config.model.kind,
    include_clean: scales.includes(0),
    repeats: seeds.length,
    keep_model: runs.some((/** @type {any} */ run) => run.keep_model),
    name,
    tags,
  };
  for (const input of inputs()) writeField(input, values[input.name]);
  describe();
  chips.write(scales.filter(Boolean));
  const isUsual = seeds.every((/** @type {number} */ seed, /** @type {number} */ index) => seed === index);
  ownSeeds = isUsual ? [] : seeds;
  const kept = isUsual ? "" : ` Its seeds are ${seeds.join(", ")}.`;
  showText(
    byId("filled"),
    `Filled in with the settings of ${sweepName(sweep)}, also those under More settings.${kept}`,
  );
}

/** Return the selected kind of noise. Until the kinds were read, it has no limits. */
const selectedKind = () =>
  kinds.find(({ name }) => name === byId("noise").value) ?? {
    imagenet_c_scales: [],
    minimum_scale: 0,
    maximum_scale: Number.POSITIVE_INFINITY,
  };

/** Describe the selected data set, network and kind of noise, and show the fields of the network. */
function describe() {
  const [select, kind, network] = [byId("dataset"), selectedKind(), byId("model").value];
  if (datasets.length) {
    const selected = datasets.find(({ name }) => name === select.value);
    setText(byId("dataset-help"), selected ? formatCount(selected.training_images, "image") : "");
    select.title = selected ? `${selected.classes} classes. ${selected.description}` : "";
  }
  if (kinds.length) {
    setText(byId("noise-help"), kind.remark);
    setText(byId("scales-help"), kind.scale_meaning);
  }
  form.querySelector("[data-preset=corruption]").disabled = !kind.imagenet_c_scales.length;
  setText(byId("model-help"), NETWORKS[network]);
  for (const part of form.querySelectorAll("[data-network]")) part.hidden = part.dataset.network !== network;
}

/**
 * Fill in the scales of a preset.
 * @param {string} preset
 */
function usePreset(preset) {
  const { imagenet_c_scales: severities, minimum_scale: minimum, maximum_scale: maximum } = selectedKind();
  if (preset === "corruption") byId("clip").checked = true;
  chips.write(
    preset === "corruption" ? severities : PRESETS[preset].filter((scale) => scale >= minimum && scale <= maximum),
  );
}

/** Return the fields, without the scales. */
const inputs = () => [...form.querySelectorAll("[data-type]")];

/** Return the request body. */
function readBody() {
  const read = (/** @type {any[]} */ some) => Object.fromEntries(some.map((input) => [input.name, readField(input)]));
  const { model: kind, repeats, ...values } = read(inputs().filter((input) => !input.closest("[data-network]")));
  const model = { kind, ...read(inputs().filter((input) => input.closest(`[data-network="${kind}"]`))) };
  const seeds = ownSeeds.length && repeats === ownSeeds.length ? { seeds: ownSeeds } : { repeats };
  return { ...values, ...seeds, model, scales: chips.read() };
}

/** Request an estimate when the user stops typing. */
function scheduleEstimate() {
  key = newIdempotencyKey(); // the edited form describes another sweep
  clearTimeout(timer);
  timer = setTimeout(estimate, TYPING_DELAY);
}

/** Show the estimate, or the errors of the form. */
async function estimate() {
  estimateRequest.abort();
  estimateRequest = new AbortController();
  try {
    const answer = await post("/sweeps?dry_run=true", readBody(), { signal: estimateRequest.signal });
    showFormErrors(form, null);
    setText(byId("estimate"), formatEstimate(answer));
  } catch (problem) {
    if (problem instanceof DOMException) return; // aborted by a newer request
    const invalid = problem instanceof Problem && problem.errors.length > 0;
    showFormErrors(form, invalid ? problem : null);
    setText(byId("estimate"), invalid ? "" : messageOf(problem));
  }
}

/** Submit the sweep and open its page. */
async function submit() {
  clearTimeout(timer);
  estimateRequest.abort();
  byId("submit").disabled = true;
  try {
    const sweep = await post("/sweeps", readBody(), { headers: { "Idempotency-Key": key } });
    location.assign(`${ROOT}/ui/sweeps/${sweep.id}`);
  } catch (problem) {
    byId("submit").disabled = false;
    throw problem;
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

onSubmit(form, submit);
form.addEventListener("input", () => {
  describe();
  scheduleEstimate();
});
for (const button of form.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", () => usePreset(button.dataset.preset));
}
// The Back button may restore this page with a disabled button and a used key. The next sweep is a new one.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  byId("submit").disabled = false;
  key = newIdempotencyKey();
});
chips.write(PRESETS.notebook);
describe();

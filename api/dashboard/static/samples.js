// What noise does to digits: images at each scale, drawn from the very numbers that a run of the seed gets.

import { get } from "./api.js";
import { byId, element, write } from "./dom.js";
import { messageOf } from "./faults.js";
import { keptUp } from "./retries.js";
import { wordsOfScale } from "./words.js";

const SCALES_ASKED_AT_ONCE = 8;
const INDICES = { few: [0, 1, 2], many: [0] };
const MANY_SCALES = 12;

/** Draw them for a sweep, once for each set of scales. */
export class Samples {
  #draw = keptUp(draw, tellFailure);

  /** @param {any} sweep */
  show(sweep) {
    const scales = [...sweep.scales].sort((one, other) => one - other);
    return this.#draw(scales.join(), { sweep, scales });
  }
}

/** @param {{sweep: any, scales: number[]}} given */
async function draw({ sweep, scales }) {
  const indices = scales.length > MANY_SCALES ? INDICES.many : INDICES.few;
  const { dataset, clip, noise_on: noiseOn } = sweep.config;
  const images = noiseOn === "validation" ? "validation" : "training";
  const asked = { dataset, images, clip, indices: indices.join(), seed: sweep.seeds[0] };
  const figures = [];
  for (let first = 0; first < scales.length; first += SCALES_ASKED_AT_ONCE) {
    const query = new URLSearchParams(/** @type {any} */ (asked));
    for (const scale of scales.slice(first, first + SCALES_ASKED_AT_ONCE)) query.append("scale", String(scale));
    figures.push(...figuresOf((await get(`/noise/samples?${query}`)).samples));
  }
  byId("samples").replaceChildren(...figures);
  write(byId("samples-note"), `Images for ${images}, with the noise of seed ${asked.seed} at each scale.`);
}

/** @param {unknown} problem */
function tellFailure(problem) {
  byId("samples").replaceChildren();
  write(byId("samples-note"), `No samples here: ${messageOf(problem)}`);
}

/** @param {any[]} samples @returns {HTMLElement[]} One for each scale. */
const figuresOf = (samples) =>
  samples[0].scales.map((/** @type {any} */ { scale }, /** @type {number} */ place) => {
    const images = samples.map(({ class_name: name, scales }) =>
      canvasOf(scales[place].noisy, `${name} at scale ${wordsOfScale(scale)}`),
    );
    return element("figure", {}, ...images, element("figcaption", {}, wordsOfScale(scale)));
  });

/** @param {number[][]} pixels White is 1; what is beyond is shown as white or black. @param {string} words */
function canvasOf(pixels, words) {
  const [height, width] = [pixels.length, pixels[0].length];
  const canvas = element("canvas", { width, height, role: "img", "aria-label": words });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  pixels.flat().forEach((pixel, place) => {
    image.data.set([255 * pixel, 255 * pixel, 255 * pixel, 255], 4 * place); // clamped to bytes by the array
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

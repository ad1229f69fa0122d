// Sample images at each noise scale, with the exact noise of a run.

import { get } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { messageOf } from "./errors.js";
import { formatScale } from "./format.js";
import { coalesce } from "./retries.js";

const SCALES_PER_REQUEST = 8;
// A sweep with more scales shows one image per scale instead of three.
const MAX_SCALES_WITH_THREE_IMAGES = 12;

/** Sample images of a sweep, drawn once for each set of scales. */
export class Samples {
  #draw = coalesce(draw, showFailure);

  /**
   * Draw the samples if the scales have changed.
   * @param {any} sweep
   */
  show(sweep) {
    const scales = [...sweep.scales].sort((one, other) => one - other);
    return this.#draw(scales.join(), { sweep, scales });
  }
}

/**
 * Read the samples and draw them.
 * @param {{sweep: any, scales: number[]}} argument
 */
async function draw({ sweep, scales }) {
  const indices = scales.length > MAX_SCALES_WITH_THREE_IMAGES ? [0] : [0, 1, 2];
  const { dataset, noise, clip, noise_on: noiseOn } = sweep.config;
  const images = noiseOn === "validation" ? "validation" : "training";
  const parameters = { dataset, noise, images, clip, indices: indices.join(), seed: sweep.seeds[0] };
  const figures = [];
  for (let first = 0; first < scales.length; first += SCALES_PER_REQUEST) {
    const query = new URLSearchParams(/** @type {any} */ (parameters));
    for (const scale of scales.slice(first, first + SCALES_PER_REQUEST)) query.append("scale", String(scale));
    figures.push(...createFigures((await get(`/noise/samples?${query}`)).samples));
  }
  byId("samples").replaceChildren(...figures);
  setText(byId("samples-note"), `Images from the ${images} set, with the noise of seed ${parameters.seed}.`);
}

/**
 * Show an error in place of the samples.
 * @param {unknown} problem
 */
function showFailure(problem) {
  byId("samples").replaceChildren();
  setText(byId("samples-note"), `The samples could not be loaded: ${messageOf(problem)}`);
}

/**
 * Create one figure per scale.
 * @param {any[]} samples
 * @returns {HTMLElement[]}
 */
const createFigures = (samples) =>
  samples[0].scales.map((/** @type {any} */ { scale }, /** @type {number} */ index) => {
    const images = samples.map(({ class_name: name, scales }) =>
      createCanvas(scales[index].noisy, `${name} at scale ${formatScale(scale)}`),
    );
    return element("figure", {}, ...images, element("figcaption", {}, formatScale(scale)));
  });

/**
 * Draw an image on a new canvas.
 * @param {number[][]} pixels 0 is black and 1 is white. Values outside this range are clipped.
 * @param {string} label
 * @returns {HTMLCanvasElement}
 */
function createCanvas(pixels, label) {
  const [height, width] = [pixels.length, pixels[0].length];
  const canvas = element("canvas", { width, height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  pixels.flat().forEach((pixel, index) => {
    image.data.set([255 * pixel, 255 * pixel, 255 * pixel, 255], 4 * index); // the array clips to 0 to 255
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

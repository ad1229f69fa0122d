// Sample images at each noise scale, with the exact noise of a run.

import { get } from "../common/api.js";
import { byId, setText } from "../common/dom.js";
import { messageOf } from "../common/errors.js";
import { formatScale } from "../common/format.js";
import { html, render } from "../common/lit.js";
import { coalesce } from "../common/retries.js";

/** @import { Sweep } from "../live/live.js" */

const SCALES_PER_REQUEST = 8;
// A sweep with more scales shows one image per scale instead of three.
const MAX_SCALES_WITH_THREE_IMAGES = 12;

const draw = coalesce(readAndDraw, showFailure);

/**
 * Show the sample images of a sweep, if its scales have changed.
 * @param {Sweep} sweep
 */
export function showSamples(sweep) {
  const scales = sweep.scales.toSorted((one, other) => one - other);
  draw(scales.join(), { sweep, scales });
}

/**
 * Read the samples and draw them.
 * @param {{sweep: Sweep, scales: number[]}} argument
 */
async function readAndDraw({ sweep, scales }) {
  const indices = scales.length > MAX_SCALES_WITH_THREE_IMAGES ? [0] : [0, 1, 2];
  const { dataset, noise, clip, noise_on: noiseOn } = sweep.config;
  const images = noiseOn === "validation" ? "validation" : "training";
  const parameters = { dataset, noise, images, clip, indices: indices.join(), seed: sweep.seeds[0] };
  const samples = [];
  for (let first = 0; first < scales.length; first += SCALES_PER_REQUEST) {
    const query = new URLSearchParams(/** @type {any} */ (parameters));
    for (const scale of scales.slice(first, first + SCALES_PER_REQUEST)) query.append("scale", String(scale));
    samples.push((await get(`/noise/samples?${query}`)).samples);
  }
  render(samples.flatMap(figures), byId("samples"));
  setText(byId("samples-note"), `Images from the ${images} set, with the noise of seed ${parameters.seed}.`);
}

/**
 * Show an error in place of the samples.
 * @param {unknown} problem
 */
function showFailure(problem) {
  render("", byId("samples"));
  setText(byId("samples-note"), `The samples could not be loaded: ${messageOf(problem)}`);
}

/**
 * Return one figure per scale.
 * @param {any[]} samples
 */
const figures = (samples) =>
  samples[0].scales.map((/** @type {any} */ { scale }, /** @type {number} */ index) => {
    const name = formatScale(scale);
    const canvases = samples.map((each) =>
      createCanvas(each.scales[index].noisy, `${each.class_name} at scale ${name}`),
    );
    return html`<figure>${canvases}<figcaption>${name}</figcaption></figure>`;
  });

/**
 * Draw an image on a new canvas.
 * @param {number[][]} pixels 0 is black and 1 is white. Values outside this range are clipped.
 * @param {string} label
 */
function createCanvas(pixels, label) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: pixels[0].length, height: pixels.length, role: "img", ariaLabel: label });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  pixels.flat().forEach((pixel, index) => {
    image.data.set([255 * pixel, 255 * pixel, 255 * pixel, 255], 4 * index); // the array clips to 0 to 255
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

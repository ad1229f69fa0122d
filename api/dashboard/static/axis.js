// An axis of scales, linear or logarithmic; as in the pictures of the API, scale 0 stands apart on the second.

import { wordsOfScale } from "./words.js";

// Of the decades, and at least in decades: how far scale 0 stands from the least positive scale.
const [CLEAN_SHARE, CLEAN_DECADES] = [0.1, 0.25];
const MARGIN = 0.04;
// Of the axis: how close two labels may stand.
const LABEL_SHARE = 0.09;

/**
 * @param {number[]} scales Those of the picture, at least one.
 * @param {boolean} log
 * @returns {{place: (scale: number) => number, layout: object}} Where a scale stands, and the axis for Plotly.
 */
export function scaleAxis(scales, log) {
  const sorted = [...new Set(scales)].sort((one, other) => one - other);
  const positive = sorted.filter((scale) => scale > 0);
  if (!log || !positive.length) {
    const [first, last] = [sorted[0], sorted[sorted.length - 1]];
    const margin = MARGIN * (last - first) || 0.5;
    return { place: (scale) => scale, layout: { range: [first - margin, last + margin], tickmode: "auto" } };
  }
  const [least, most] = [Math.log10(positive[0]), Math.log10(positive[positive.length - 1])];
  const clean = least - Math.max(CLEAN_SHARE * (most - least), CLEAN_DECADES);
  const place = (/** @type {number} */ scale) => (scale > 0 ? Math.log10(scale) : clean);
  const [first, last] = [place(sorted[0]), most];
  const margin = MARGIN * (last - first) || 0.5;
  const labelled = thinned(sorted, place, LABEL_SHARE * (last - first));
  return {
    place,
    layout: {
      range: [first - margin, last + margin],
      tickmode: "array",
      tickvals: labelled.map(place),
      ticktext: labelled.map(wordsOfScale),
    },
  };
}

/**
 * Those with room for a label, from the left.
 * @param {number[]} scales
 * @param {(scale: number) => number} place
 * @param {number} room
 */
function thinned(scales, place, room) {
  /** @type {number[]} */
  const kept = [];
  for (const scale of scales) {
    if (!kept.length || place(scale) - place(kept[kept.length - 1]) >= room) kept.push(scale);
  }
  return kept;
}

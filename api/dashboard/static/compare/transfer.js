// Networks trained on one kind of noise and tested with another.

import { heatmap } from "../charts/heatmaps.js";
import { readPlot } from "../charts/plots.js";
import { get } from "../common/api.js";
import { byId, setText } from "../common/dom.js";
import { render } from "../common/lit.js";
import { items } from "../common/tables.js";

/**
 * Read the table of training noise and test noise of sweeps.
 * @param {string[][]} query The sweeps.
 */
export async function readTransfer(query) {
  const transfer = await get(`/transfer?${new URLSearchParams(query)}`);
  return { ...transfer, plot: await readPlot("/plots/transfer", query, null) };
}

/**
 * Show a table of training noise and test noise, or why there is none.
 * @param {any} transfer Result of `readTransfer`, or the reason as a sentence without a plot.
 */
export function showTransfer({ sentence, remarks, plot }) {
  setText(byId("transfer-sentence"), sentence);
  byId("transfer").parentElement.hidden = !plot;
  render(plot && heatmap("trained on", plot), byId("transfer"));
  render(items(remarks), byId("transfer-remarks"));
}

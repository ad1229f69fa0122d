// Networks trained on one kind of noise and tested with another.

import { get } from "./api.js";
import { byId, setItems, setText } from "./dom.js";
import { showHeatmap } from "./heatmaps.js";
import { readPlot } from "./plots.js";

/**
 * Read the table of training noise and test noise of sweeps.
 * @param {string[][]} query The sweeps.
 */
export async function readTransfer(query) {
  const transfer = await get(`/transfer?${new URLSearchParams(query)}`);
  return { ...transfer, plot: await readPlot("/plots/transfer", query, null) };
}

/**
 * Show a table of training noise and test noise.
 * @param {any} transfer Result of `readTransfer`.
 */
export function showTransfer({ sentence, remarks, plot }) {
  setText(byId("transfer-sentence"), sentence);
  byId("transfer").parentElement.hidden = false;
  showHeatmap(byId("transfer"), "trained on", plot);
  setItems(byId("transfer-remarks"), remarks);
}

/**
 * Show why there is no table.
 * @param {string} reason
 */
export function showNoTransfer(reason) {
  setText(byId("transfer-sentence"), reason);
  byId("transfer").parentElement.hidden = true;
  byId("transfer-remarks").replaceChildren();
}

// Networks trained on one kind of noise and tested with another.

import { byId, setColumns, setItems, setRows, setText } from "./dom.js";
import { formatNoise, formatPercent, formatScale } from "./format.js";
import { colourCells } from "./results.js";

/**
 * Show a table of training noise and test noise.
 * @param {any} transfer Answer of GET /transfer.
 */
export function showTransfer({ rows, sentence, remarks }) {
  setText(byId("transfer-sentence"), sentence);
  const table = byId("transfer");
  table.parentElement.hidden = false;
  const names = rows.map((/** @type {any} */ { noise, scale }) => `${formatNoise(noise)} ${formatScale(scale)}`);
  setColumns(table, ["trained on", ...names]);
  setRows(
    table,
    rows.map((/** @type {any} */ row, /** @type {number} */ index) => [
      names[index],
      ...row.val_accuracy.map((/** @type {any} */ cell) => (cell ? formatPercent(cell.mean) : "–")),
    ]),
  );
  colourCells(table, (row, column) => rows[row].val_accuracy[column]?.mean ?? 0);
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

// Templates of tables and lists, and of what their cells contain.

import { byId } from "./dom.js";
import { sweepName } from "./format.js";
import { html, nothing, render, repeat } from "./lit.js";
import { ROOT } from "./root.js";

/** @typedef {[header: string, cell: (row: any) => unknown, className?: string]} Column The first column of a table has
 *   the headers of its rows. */

/**
 * Return the head and the body of a table. Each cell has the header of its column, which narrow screens show beside it.
 * @template Row
 * @param {Row[]} rows
 * @param {Column[]} columns
 * @param {(row: Row, index: number) => unknown} keyOf A row keeps its elements, and so the focus, while it has its key.
 */
export const table = (rows, columns, keyOf = (_, index) => index) => html`
  <thead><tr>${columns.map(([header, , name = nothing]) => html`<th scope="col" class=${name}>${header}</th>`)}</tr></thead>
  <tbody>${repeat(rows, keyOf, (row) => {
    const [[header, cell], ...others] = columns;
    return html`<tr><th scope="row" data-label=${header}>${cell(row)}</th>${others.map(
      ([header, cell, name = nothing]) => html`<td class=${name} data-label=${header}>${cell(row)}</td>`,
    )}</tr>`;
  })}</tbody>`;

/**
 * Show a table, and hide its section without rows.
 * @template Row
 * @param {string} id
 * @param {Row[]} rows
 * @param {Column[]} columns
 * @param {(row: Row, index: number) => unknown} [keyOf]
 */
export function showTable(id, rows, columns, keyOf) {
  byId(id).closest("section").hidden = !rows.length;
  render(table(rows, columns, keyOf), byId(id));
}

/**
 * Return the names and values of a description list, without those that have no value.
 * @param {[name: string, value: unknown][]} entries
 */
export const pairs = (entries) =>
  entries.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);

/**
 * Return the items of a list.
 * @param {unknown[]} contents
 */
export const items = (contents) => contents.map((content) => html`<li>${content}</li>`);

/**
 * Return a mark for a status.
 * @param {string} status
 * @param {string} text
 */
export const statusMark = (status, text = status) => html`<span class="status" data-status=${status}>${text}</span>`;

/**
 * Return a link to the page of a sweep.
 * @param {any} sweep
 * @param {string} text
 */
export const sweepLink = (sweep, text = sweepName(sweep)) => html`<a href="${ROOT}/ui/sweeps/${sweep.id}">${text}</a>`;

// List of sweeps with filters, an order, pages and a selection for comparison. The address of the page contains all of
// them, so a link to it shows the same list.

import { get, request } from "../common/api.js";
import { byId, choose, setText } from "../common/dom.js";
import { attempt, messageOf, report } from "../common/errors.js";
import { sweepName } from "../common/format.js";
import { html, render, repeat } from "../common/lit.js";
import { ROOT } from "../common/root.js";
import { createPoller } from "../common/scheduling.js";
import { isFinal } from "../live/live.js";
import { row } from "./rows.js";

const [ACTIVE_INTERVAL, IDLE_INTERVAL, ERROR_INTERVAL] = [3_000, 15_000, 5_000]; // ms
const TYPING_DELAY = 250; // ms
const MAX_COMPARED = 8;
const PAGE_SIZE = 10;
// The API lists the newest sweeps first. For another order, the page reads this many sweeps and sorts them.
const MAX_SORTED = 200;
// The API filters after it has read a page, so a page may be empty although later pages have matches.
const MAX_PAGES = 20;
const STATUSES = ["running", "queued", "failed", "cancelled", "succeeded"];

/** @type {Partial<Record<string, (one: any, other: any) => number>>} */
const ORDERS = {
  name: (one, other) => sweepName(one).localeCompare(sweepName(other), undefined, { numeric: true }),
  status: (one, other) => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status),
  dataset: (one, other) => one.config.dataset.localeCompare(other.config.dataset),
};

const query = new URLSearchParams(location.search);
const filters = byId("list-filters");
/** Ids of the selected sweeps. */
const selected = new Set(query.getAll("sweep"));
/** Current page: a cursor of the API, or the position of its first sweep in another order. "" is the first page. */
let page = query.get("page") ?? "";
/** What was read last: the sweeps of the page, the next page, what to say about them, and whether there are no sweeps. */
let shown = { sweeps: /** @type {any[]} */ ([]), next: "", status: "Loading the list …", isEmpty: false };
/** @type {import("../common/caller.js").Caller | null} Null until it was read. */
let caller = null;
/** @type {ReturnType<typeof setTimeout> | undefined} Delay after the last key that was typed into a filter. */
let typing;
const refresh = createPoller(update);

/**
 * Show what a caller may do, and the filter for its own sweeps. Without API keys there is none.
 * @param {import("../common/caller.js").Caller} user
 */
export function setCaller(user) {
  caller = user;
  const own = byId("filter-own");
  if (!own.checked) own.value = user.name; // otherwise the name is from the address
  byId("own-field").hidden = !own.value;
  setText(byId("own-label"), own.value === user.name ? "Only mine" : `Only by ${own.value}`);
  draw();
}

/**
 * Show another page.
 * @param {string} other
 */
function goTo(other) {
  clearTimeout(typing);
  page = other;
  updateAddress();
  refresh();
}

/** Return the filters that are set, and the order if it is not the default. */
const settings = () =>
  [...new FormData(filters)].map(([name, value]) => [name, String(value)]).filter(([, value]) => value);

/** Write the filters, the order, the page and the selection into the address. */
function updateAddress() {
  const current = new URLSearchParams([...settings(), ...[...selected].map((id) => ["sweep", id])]);
  const from = query.get("from");
  if (from) current.set("from", from);
  if (page) current.set("page", page);
  history.replaceState(null, "", current.size ? `?${current}` : location.pathname);
}

/** Return the order, or undefined for the newest first. */
const currentOrder = () => ORDERS[byId("filter-order").value];

/** Return the path of the first request for the current page. */
function currentPath() {
  const parameters = new URLSearchParams(settings().filter(([name]) => name !== "order"));
  parameters.set("limit", String(currentOrder() ? MAX_SORTED / 2 : PAGE_SIZE));
  if (page && !currentOrder()) parameters.set("cursor", page);
  return `/sweeps?${parameters}`;
}

/**
 * Read the current page and show it.
 * @returns {Promise<number>} Delay before the next update, ms.
 */
async function update() {
  const [path, start, order] = [currentPath(), page, currentOrder()];
  try {
    const { sweeps, next } = await read(path, order ? MAX_SORTED : 1);
    if (path !== currentPath() || start !== page || order !== currentOrder()) return 0;
    const first = (order && Number(page)) || 0; // a page of another order is not a number
    const end = first + PAGE_SIZE;
    const isFiltered = page || settings().some(([name]) => name !== "order");
    const remark = order && next ? `Among the newest ${sweeps.length} that match.` : "";
    shown = {
      sweeps: order ? sweeps.sort(order).slice(first, end) : sweeps,
      next: order ? (end < sweeps.length ? String(end) : "") : cursorOf(next),
      status: sweeps.length || !isFiltered ? remark : "No sweep matches the filters.",
      isEmpty: !sweeps.length && !isFiltered,
    };
    draw();
    return !order && shown.sweeps.some((sweep) => !isFinal(sweep.status)) ? ACTIVE_INTERVAL : IDLE_INTERVAL;
  } catch (problem) {
    shown.status = messageOf(problem);
    draw(); // the page in the address may be invalid, so there is a way to the first one
    return ERROR_INTERVAL;
  }
}

/**
 * Read pages of the API until they contain enough sweeps.
 * @param {string} path
 * @param {number} wanted
 * @returns {Promise<{sweeps: any[], next: string | null}>} `next` is the link to the next page.
 */
async function read(path, wanted) {
  let { sweeps, next } = await get(path);
  for (let pages = 1; sweeps.length < wanted && next && pages < MAX_PAGES; pages += 1) {
    const more = await get(`/sweeps?${queryOf(next)}`);
    sweeps = [...sweeps, ...more.sweeps];
    next = more.next;
  }
  return { sweeps, next };
}

/** Draw the list, or an example in its place if there are no sweeps. */
function draw() {
  const { sweeps, next, status, isEmpty } = shown;
  setText(byId("list-status"), status);
  byId("example").hidden = !isEmpty;
  for (const part of ["list-filters", "list-actions"]) byId(part).hidden = isEmpty;
  if (isEmpty) import("./example.js").catch(report); // it loads the charts, which no other list needs
  const createRow = (/** @type {any} */ sweep) =>
    row(sweep, {
      caller,
      selected: selected.has(sweep.id),
      onSelect: () => select(sweep.id),
      onDelete: () => attempt(() => remove(sweep)),
    });
  render(
    repeat(sweeps, (sweep) => sweep.id, createRow),
    byId("sweeps"),
  );
  const count = selected.size;
  render(
    html`<button type="button" id="first" ?hidden=${!page} @click=${() => goTo("")}>First page</button>
      <button type="button" id="next" ?hidden=${!next} @click=${() => goTo(next)}>Next page</button>
      <button type="button" id="compare" class="primary" ?disabled=${count < 2 || count > MAX_COMPARED}
        @click=${compare}>Compare</button>
      <button type="button" id="clear-selection" ?hidden=${!count} @click=${clearSelection}>Clear selection</button>
      <span id="selection" class="muted">${describeSelection(count)}</span>`,
    byId("list-actions"),
  );
  updateAddress();
}

/**
 * Select a sweep for comparison, or remove it from the selection.
 * @param {string} id
 */
function select(id) {
  if (!selected.delete(id)) selected.add(id);
  draw();
}

/** Remove all sweeps from the selection, also those that were deleted or are on another page and have no checkbox. */
function clearSelection() {
  selected.clear();
  draw();
  (document.querySelector("#sweeps input") ?? byId("filter-name")).focus();
}

/** Open the page that compares the selected sweeps. */
function compare() {
  location.assign(`${ROOT}/ui/compare?${new URLSearchParams([...selected].map((id) => ["sweep", id]))}`);
}

/**
 * Delete a sweep after a confirmation.
 * @param {any} sweep
 */
async function remove(sweep) {
  const dialog = byId("delete-dialog");
  setText(byId("delete-name"), sweepName(sweep));
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "delete") return;
  await request(`/sweeps/${sweep.id}`, { method: "DELETE" });
  selected.delete(sweep.id);
  await refresh();
  byId("filter-name").focus(); // the button that had the focus is gone
}

/**
 * Return the query of a link. Its root path may be missing, because a service may not know where a proxy serves it.
 * @param {string} link
 */
const queryOf = (link) => new URL(link, location.href).searchParams;

/**
 * Return the cursor in the link to the next page, or "".
 * @param {string | null} next
 */
const cursorOf = (next) => (next && queryOf(next).get("cursor")) || "";

/**
 * Describe the selection.
 * @param {number} count Number of selected sweeps.
 * @returns {string}
 */
function describeSelection(count) {
  if (count === 0) return "Select two or more sweeps to compare them.";
  if (count === 1) return "1 sweep selected. Select another to compare them.";
  if (count > MAX_COMPARED) return `${count} sweeps selected. Select at most ${MAX_COMPARED} to compare them.`;
  return `${count} sweeps selected.`;
}

for (const field of filters.elements) {
  const value = query.get(field.name);
  if (!value) continue;
  if (field.type === "checkbox") [field.value, field.checked] = [value, true];
  else if (field.options) choose(field, value);
  else field.value = value;
}
filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
filters.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => goTo(""), TYPING_DELAY);
});
draw();
refresh();

// List of sweeps with filters, an order, pages and a selection for comparison. The address of the page contains all of
// them, so a link to it shows the same list.

import { get, request } from "./api.js";
import { byId, choose, setText, updateChildren } from "./dom.js";
import { attempt, messageOf, report } from "./errors.js";
import { sweepName } from "./format.js";
import { isFinal } from "./live.js";
import { ROOT } from "./root.js";
import { confirmDeletion, createRow, updateRow } from "./rows.js";
import { createPoller } from "./scheduling.js";

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

/** List of sweeps. */
export class SweepList {
  #filters = byId("list-filters");
  /** @type {import("./caller.js").Caller | null} Null until it was read. */
  #caller = null;
  /** @type {Set<string>} Ids of the selected sweeps. */
  #selected;
  /** Current page: a cursor of the API, or the position of its first sweep in another order. "" is the first page. */
  #page;
  #next = "";
  #refresh = createPoller(() => this.#update());
  /** @type {ReturnType<typeof setTimeout> | undefined} Delay after the last key that was typed into a filter. */
  #typing;

  /** Attach to the list of the page, and show what its address describes. */
  constructor() {
    const query = new URLSearchParams(location.search);
    for (const field of this.#filters.elements) {
      const value = query.get(field.name);
      if (!value) continue;
      if (field.type === "checkbox") [field.value, field.checked] = [value, true];
      else if (field.options) choose(field, value);
      else field.value = value;
    }
    this.#selected = new Set(query.getAll("sweep"));
    this.#page = query.get("page") ?? "";
    this.#filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    this.#filters.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#goTo(""), TYPING_DELAY);
    });
    byId("next").addEventListener("click", () => this.#goTo(this.#next));
    byId("first").addEventListener("click", () => this.#goTo(""));
    byId("compare").addEventListener("click", () => {
      location.assign(`${ROOT}/ui/compare?${new URLSearchParams([...this.#selected].map((id) => ["sweep", id]))}`);
    });
    // A selected sweep may be deleted or on another page, where it has no checkbox. This clears it too.
    byId("clear-selection").addEventListener("click", () => {
      this.#selected.clear();
      const boxes = [.../** @type {NodeListOf<any>} */ (document.querySelectorAll("#sweeps .select input"))];
      for (const box of boxes) box.checked = false;
      (boxes[0] ?? byId("filter-name")).focus();
      this.#showSelection();
    });
    this.#refresh();
  }

  /**
   * Show what a caller may do, and the filter for its own sweeps. Without API keys there is none.
   * @param {import("./caller.js").Caller} caller
   */
  setCaller(caller) {
    this.#caller = caller;
    const own = byId("filter-own");
    if (!own.checked) own.value = caller.name; // otherwise the name is from the address
    byId("own-field").hidden = !own.value;
    setText(byId("own-label"), own.value === caller.name ? "Only mine" : `Only by ${own.value}`);
    this.#refresh();
  }

  /**
   * Show another page.
   * @param {string} page
   */
  #goTo(page) {
    clearTimeout(this.#typing);
    this.#page = page;
    this.#updateAddress();
    return this.#refresh();
  }

  /** Return the filters that are set, and the order if it is not the default. */
  get #settings() {
    return [...new FormData(this.#filters)].map(([name, value]) => [name, String(value)]).filter(([, value]) => value);
  }

  /** Write the filters, the order, the page and the selection into the address. */
  #updateAddress() {
    const query = new URLSearchParams([...this.#settings, ...[...this.#selected].map((id) => ["sweep", id])]);
    const from = new URLSearchParams(location.search).get("from");
    if (from) query.set("from", from);
    if (this.#page) query.set("page", this.#page);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  }

  /** Return the order, or undefined for the newest first. */
  get #order() {
    return ORDERS[byId("filter-order").value];
  }

  /** Return the path of the first request for the current page. */
  get #path() {
    const query = new URLSearchParams(this.#settings.filter(([name]) => name !== "order"));
    query.set("limit", String(this.#order ? MAX_SORTED / 2 : PAGE_SIZE));
    if (this.#page && !this.#order) query.set("cursor", this.#page);
    return `/sweeps?${query}`;
  }

  /**
   * Read the current page and show it.
   * @returns {Promise<number>} Delay before the next update, ms.
   */
  async #update() {
    const [path, page, order] = [this.#path, this.#page, this.#order];
    try {
      const { sweeps, next } = await this.#read(path, order ? MAX_SORTED : 1);
      if (path !== this.#path || page !== this.#page || order !== this.#order) return 0;
      const start = (order && Number(page)) || 0; // a page of another order is not a number
      const shown = order ? sweeps.sort(order).slice(start, start + PAGE_SIZE) : sweeps;
      const after = start + PAGE_SIZE < sweeps.length ? String(start + PAGE_SIZE) : "";
      this.#next = order ? after : cursorOf(next);
      this.#show(shown, order && next ? `Among the newest ${sweeps.length} that match.` : "");
      const isActive = !order && shown.some((/** @type {any} */ sweep) => !isFinal(sweep.status));
      return isActive ? ACTIVE_INTERVAL : IDLE_INTERVAL;
    } catch (problem) {
      setText(byId("list-status"), messageOf(problem));
      byId("first").hidden = !page; // the page in the address may be invalid
      return ERROR_INTERVAL;
    }
  }

  /**
   * Read pages of the API until they contain enough sweeps.
   * @param {string} path
   * @param {number} wanted
   * @returns {Promise<{sweeps: any[], next: string | null}>} `next` is the link to the next page.
   */
  async #read(path, wanted) {
    let { sweeps, next } = await get(path);
    for (let pages = 1; sweeps.length < wanted && next && pages < MAX_PAGES; pages += 1) {
      const page = await get(`/sweeps?${queryOf(next)}`);
      sweeps = [...sweeps, ...page.sweeps];
      next = page.next;
    }
    return { sweeps, next };
  }

  /**
   * Show a page of sweeps.
   * @param {any[]} sweeps
   * @param {string} remark
   */
  #show(sweeps, remark) {
    const isFiltered = this.#page || this.#settings.some(([name]) => name !== "order");
    setText(byId("list-status"), sweeps.length || !isFiltered ? remark : "No sweep matches the filters.");
    this.#showExample(!sweeps.length && !isFiltered);
    updateChildren(
      byId("sweeps"),
      sweeps,
      (sweep) => sweep.id,
      (sweep) =>
        createRow(sweep, {
          selected: this.#selected.has(sweep.id),
          onSelect: (selected) => this.#select(sweep.id, selected),
          onDelete: () => attempt(() => this.#delete(sweep)),
        }),
      (row, sweep) => updateRow(row, sweep, this.#caller),
    );
    byId("next").hidden = !this.#next;
    byId("first").hidden = !this.#page;
    this.#showSelection();
  }

  /**
   * Show an example in place of the list, or hide it.
   * @param {boolean} isEmpty Whether there are no sweeps.
   */
  #showExample(isEmpty) {
    byId("example").hidden = !isEmpty;
    for (const part of ["list-filters", "list-actions"]) byId(part).hidden = isEmpty;
    if (isEmpty) import("./example.js").catch(report); // it loads the charts, which no other list needs
  }

  /**
   * Select a sweep for comparison, or remove it from the selection.
   * @param {string} id
   * @param {boolean} selected
   */
  #select(id, selected) {
    if (selected) this.#selected.add(id);
    else this.#selected.delete(id);
    this.#showSelection();
  }

  /**
   * Delete a sweep after a confirmation.
   * @param {any} sweep
   */
  async #delete(sweep) {
    if (!(await confirmDeletion(sweep))) return;
    await request(`/sweeps/${sweep.id}`, { method: "DELETE" });
    this.#selected.delete(sweep.id);
    await this.#refresh();
    byId("filter-name").focus(); // the button that had the focus is gone
  }

  /** Show how many sweeps are selected, and enable or disable the comparison. */
  #showSelection() {
    const selected = this.#selected.size;
    byId("clear-selection").hidden = !selected;
    byId("compare").disabled = selected < 2 || selected > MAX_COMPARED;
    setText(byId("selection"), describeSelection(selected));
    this.#updateAddress();
  }
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
 * @param {number} selected Number of selected sweeps.
 * @returns {string}
 */
function describeSelection(selected) {
  if (selected === 0) return "Select two or more sweeps to compare them.";
  if (selected === 1) return "1 sweep selected. Select another to compare them.";
  if (selected > MAX_COMPARED) return `${selected} sweeps selected. Select at most ${MAX_COMPARED} to compare them.`;
  return `${selected} sweeps selected.`;
}

// List of sweeps with filters, pages and a selection for comparison.

import { get } from "./api.js";
import { byId, element, setText, updateChildren } from "./dom.js";
import { messageOf } from "./errors.js";
import { describeSweep, formatTime, sweepName } from "./format.js";
import { isFinal } from "./live.js";
import { ROOT } from "./root.js";
import { createPoller } from "./scheduling.js";
import { sparkline } from "./sparkline.js";

const [ACTIVE_INTERVAL, IDLE_INTERVAL, ERROR_INTERVAL] = [3_000, 15_000, 5_000]; // ms
const TYPING_DELAY = 250; // ms
const MAX_COMPARED = 8;
const PAGE_SIZE = 10;
// The API filters after it has read a page, so a page may be empty although later pages have matches.
const MAX_EMPTY_PAGES = 20;

/** List of sweeps, newest first. */
export class SweepList {
  #filters = byId("list-filters");
  /** @type {Map<string, string>} Names of the selected sweeps, by id. */
  #selected = new Map();
  /** @type {string | null} Path of the current page. null is the newest page. */
  #page = null;
  /** @type {string | null} Path of the next older page. */
  #older = null;
  #refresh = createPoller(() => this.#update());
  /** @type {ReturnType<typeof setTimeout> | undefined} Delay after the last key that was typed into a filter. */
  #typing;

  /** Attach to the list of the page. */
  constructor() {
    this.#filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    this.#filters.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#goTo(null), TYPING_DELAY);
    });
    byId("older").addEventListener("click", () => this.#goTo(this.#older));
    byId("newest").addEventListener("click", () => this.#goTo(null));
    byId("compare").addEventListener("click", () => {
      location.assign(
        `${ROOT}/ui/compare?${new URLSearchParams([...this.#selected.keys()].map((id) => ["sweep", id]))}`,
      );
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
   * Show the filter for the sweeps of an API key. Without API keys there is none.
   * @param {string} name Name of the key; empty without keys.
   */
  offerOwn(name) {
    byId("own-field").hidden = !name;
    byId("filter-own").value = name;
  }

  /**
   * Show another page.
   * @param {string | null} page
   */
  #goTo(page) {
    clearTimeout(this.#typing);
    this.#page = page;
    return this.#refresh();
  }

  /** Return the path of the current page. */
  get #path() {
    const query = new URLSearchParams([["limit", String(PAGE_SIZE)]]);
    for (const [name, value] of new FormData(this.#filters)) if (value) query.set(name, String(value));
    return this.#page ?? `/sweeps?${query}`;
  }

  /**
   * Read the current page and show it.
   * @returns {Promise<number>} Delay before the next update, ms.
   */
  async #update() {
    try {
      const [path, { sweeps, next }] = [this.#path, await this.#read()];
      if (path !== this.#path) return 0;
      this.#older = next && pathOf(next);
      this.#show(sweeps);
      return sweeps.some((/** @type {any} */ sweep) => !isFinal(sweep.status)) ? ACTIVE_INTERVAL : IDLE_INTERVAL;
    } catch (problem) {
      setText(byId("list-status"), messageOf(problem));
      return ERROR_INTERVAL;
    }
  }

  /** Return the first page with matches, starting at the current one. */
  async #read() {
    let page = await get(this.#path);
    for (let skipped = 0; !page.sweeps.length && page.next && skipped < MAX_EMPTY_PAGES; skipped += 1) {
      page = await get(pathOf(page.next));
    }
    return page;
  }

  /**
   * Show a page of sweeps.
   * @param {any[]} sweeps
   */
  #show(sweeps) {
    const filtered = [...new FormData(this.#filters).values()].some(Boolean);
    const emptyText = filtered ? "No sweep matches the filters." : "There are no sweeps yet. Start one with the form.";
    setText(byId("list-status"), sweeps.length ? "" : emptyText);
    updateChildren(
      byId("sweeps"),
      sweeps,
      (sweep) => sweep.id,
      (sweep) => this.#createItem(sweep),
      updateItem,
    );
    byId("older").hidden = !this.#older;
    byId("newest").hidden = this.#page === null;
    this.#showSelection();
  }

  /**
   * Create the list item of a sweep.
   * @param {any} sweep
   */
  #createItem(sweep) {
    const checkbox = element("input", { type: "checkbox", "aria-label": `Compare ${sweepName(sweep)}` });
    checkbox.checked = this.#selected.has(sweep.id);
    checkbox.addEventListener("change", () => {
      if (checkbox.checked) this.#selected.set(sweep.id, sweepName(sweep));
      else this.#selected.delete(sweep.id);
      this.#showSelection();
    });
    const name = element("a", { class: "name", href: `${ROOT}/ui/sweeps/${sweep.id}` }, sweepName(sweep));
    const progress = element("progress", { "aria-label": `Epochs of ${sweepName(sweep)}` });
    const status = element(
      "p",
      {},
      element("span", { class: "status" }),
      " ",
      progress,
      " ",
      element("span", { class: "muted number" }),
    );
    const description = element("p", { class: "muted" });
    return element(
      "li",
      {},
      element("div", { class: "select" }, checkbox),
      element("div", {}, name, status, description),
      element("div", { class: "spark" }),
    );
  }

  /** Show how many sweeps are selected, and enable or disable the comparison. */
  #showSelection() {
    const selected = this.#selected.size;
    byId("clear-selection").hidden = !selected;
    byId("compare").disabled = selected < 2 || selected > MAX_COMPARED;
    setText(byId("selection"), describeSelection(selected));
  }
}

/**
 * Return the path of a page below the root path of the service.
 * @param {string} link Its root path may be missing, because a service may not know where a proxy serves it.
 * @returns {string}
 */
const pathOf = (link) => `/sweeps${new URL(link, location.href).search}`;

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

/**
 * Update the list item of a sweep if the sweep has changed.
 * @param {any} item
 * @param {any} sweep
 */
function updateItem(item, sweep) {
  if (item.dataset.version === String(sweep.version)) return;
  item.dataset.version = sweep.version;
  const status = item.querySelector(".status");
  status.dataset.status = sweep.status;
  setText(status, sweep.status);
  const progress = item.querySelector("progress");
  progress.max = sweep.progress.epochs_total;
  progress.value = sweep.progress.epochs_done;
  progress.hidden = isFinal(sweep.status);
  const epochs = `${sweep.progress.epochs_done} of ${sweep.progress.epochs_total} epochs`;
  setText(item.querySelector(".number"), isFinal(sweep.status) ? formatTime(sweep.created_at) : epochs);
  const tags = Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`);
  setText(item.querySelector("p.muted"), [describeSweep(sweep), ...tags].join(" · "));
  item.querySelector(".spark").replaceChildren(sparkline(sweep));
}

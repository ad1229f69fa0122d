// The list of sweeps: found, looked through page by page, kept up to date, and ticked to be compared.

import { get } from "./api.js";
import { byId, element, keep, write } from "./dom.js";
import { isFinal } from "./following.js";
import { messageOf } from "./faults.js";
import { repeated } from "./pace.js";
import { sparkline } from "./sparkline.js";
import { count, gridOf, moment, nameOf } from "./words.js";

const [BUSY_PAUSE, IDLE_PAUSE, FAULT_PAUSE] = [3_000, 15_000, 5_000]; // ms
const AFTER_TYPING = 250; // ms
const MOST_COMPARED = 8;
const PAGE = 10;
// A page of the API may have none of those that are looked for, and be followed by others.
const MOST_EMPTY_PAGES = 20;

export class SweepList {
  #filters = byId("filters");
  /** @type {Map<string, string>} Names of those that are ticked, by id. */
  #ticked = new Map();
  /** @type {string | null} Where the page on show is, null for the newest. */
  #page = null;
  /** @type {string | null} */
  #older = null;
  #refresh = repeated(() => this.#round());

  constructor() {
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    this.#filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    this.#filters.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#turnTo(null), AFTER_TYPING);
    });
    byId("older").addEventListener("click", () => this.#turnTo(this.#older));
    byId("newest").addEventListener("click", () => this.#turnTo(null));
    byId("compare").addEventListener("click", () => {
      location.assign(`/ui/compare?${new URLSearchParams([...this.#ticked.keys()].map((id) => ["sweep", id]))}`);
    });
    // One by one would not do: a sweep that is gone, or on another page, has no box.
    byId("untick").addEventListener("click", () => {
      this.#ticked.clear();
      const boxes = [.../** @type {NodeListOf<any>} */ (document.querySelectorAll("#sweeps .tick input"))];
      for (const box of boxes) box.checked = false;
      (boxes[0] ?? byId("filter-name")).focus();
      this.#showTicked();
    });
    this.#refresh();
  }

  /** @param {string | null} page */
  #turnTo(page) {
    this.#page = page;
    return this.#refresh();
  }

  get #address() {
    const asked = new URLSearchParams([["limit", String(PAGE)]]);
    for (const [name, value] of new FormData(this.#filters)) if (value) asked.set(name, String(value));
    return this.#page ?? `/sweeps?${asked}`;
  }

  async #round() {
    try {
      const [asked, { sweeps, next }] = [this.#address, await this.#read()];
      if (asked !== this.#address) return 0;
      this.#older = next;
      this.#show(sweeps);
      return sweeps.some((/** @type {any} */ sweep) => !isFinal(sweep.status)) ? BUSY_PAUSE : IDLE_PAUSE;
    } catch (problem) {
      write(byId("list-status"), messageOf(problem));
      return FAULT_PAUSE;
    }
  }

  async #read() {
    let page = await get(this.#address);
    for (let turned = 0; !page.sweeps.length && page.next && turned < MOST_EMPTY_PAGES; turned += 1) {
      page = await get(page.next);
    }
    return page;
  }

  /** @param {any[]} sweeps */
  #show(sweeps) {
    const filtered = [...new FormData(this.#filters).values()].some(Boolean);
    const none = filtered ? "No sweep is like that." : "There are no sweeps yet: start one.";
    write(byId("list-status"), sweeps.length ? "" : none);
    keep(
      byId("sweeps"),
      sweeps,
      (sweep) => sweep.id,
      (sweep) => this.#make(sweep),
      showRow,
    );
    byId("older").hidden = !this.#older;
    byId("newest").hidden = this.#page === null;
    this.#showTicked();
  }

  /** @param {any} sweep */
  #make(sweep) {
    const tick = element("input", { type: "checkbox", "aria-label": `Compare ${nameOf(sweep)}` });
    tick.checked = this.#ticked.has(sweep.id);
    tick.addEventListener("change", () => {
      if (tick.checked) this.#ticked.set(sweep.id, nameOf(sweep));
      else this.#ticked.delete(sweep.id);
      this.#showTicked();
    });
    const name = element("a", { class: "name", href: `/ui/sweeps/${sweep.id}` }, nameOf(sweep));
    const progress = element("progress", { "aria-label": `Epochs of ${nameOf(sweep)}` });
    const state = element(
      "p",
      {},
      element("span", { class: "status" }),
      " ",
      progress,
      " ",
      element("span", { class: "faint number" }),
    );
    const about = element("p", { class: "faint" });
    return element(
      "li",
      {},
      element("div", { class: "tick" }, tick),
      element("div", {}, name, state, about),
      element("div", { class: "spark" }),
    );
  }

  #showTicked() {
    const ticked = this.#ticked.size;
    const few = ticked === 0 ? "Tick two or more to compare them." : "One ticked: tick another to compare them.";
    const many =
      ticked > MOST_COMPARED
        ? `${ticked} ticked, and at most ${MOST_COMPARED} are compared.`
        : `${count(ticked, "sweep")} ticked.`;
    byId("untick").hidden = !ticked;
    byId("compare").disabled = ticked < 2 || ticked > MOST_COMPARED;
    write(byId("ticked"), ticked < 2 ? few : many);
  }
}

/** @param {any} row @param {any} sweep */
function showRow(row, sweep) {
  if (row.dataset.version === String(sweep.version)) return;
  row.dataset.version = sweep.version;
  const status = row.querySelector(".status");
  status.dataset.status = sweep.status;
  write(status, sweep.status);
  const progress = row.querySelector("progress");
  progress.max = sweep.progress.epochs_total;
  progress.value = sweep.progress.epochs_done;
  progress.hidden = isFinal(sweep.status);
  const left = `${sweep.progress.epochs_done} of ${sweep.progress.epochs_total} epochs`;
  write(row.querySelector(".number"), isFinal(sweep.status) ? moment(sweep.created_at) : left);
  const tags = Object.entries(sweep.tags).map(([key, value]) => `${key}:${value}`);
  write(row.querySelector("p.faint"), [gridOf(sweep), ...tags].join(" · "));
  row.querySelector(".spark").replaceChildren(sparkline(sweep));
}

// The buttons of a sweep.

import { download, post, Problem } from "./api.js";
import { Chips, entries } from "./chips.js";
import { byId, write } from "./dom.js";
import { attempt, placesIn, showFaults } from "./faults.js";
import { isFinal } from "./following.js";
import { knownKey } from "./key.js";
import { curl, python, requestOf } from "./recipe.js";

export class Actions {
  #path;
  #followed;
  #chips = new Chips("extend-", () => {});

  /**
   * @param {string} id
   * @param {import("./following.js").FollowedSweep} followed
   * @param {() => void} goesOn Told when the sweep may have got work again.
   */
  constructor(id, followed, goesOn) {
    this.#path = `/sweeps/${encodeURIComponent(id)}`;
    this.#followed = followed;
    const change = (/** @type {string} */ what) => async () => {
      followed.take(await post(`${this.#path}/${what}`));
      goesOn();
    };
    this.#on("cancel", change("cancel"));
    this.#on("retry", change("retry"));
    for (const format of ["png", "svg"]) {
      this.#on(format, () =>
        download(`${this.#path}/plot?format=${format}&log=${byId("log").checked}`, `${id}.${format}`),
      );
    }
    this.#on("csv", () => download(`${this.#path}/results?format=csv`, `${id}.csv`));
    byId("extend").addEventListener("click", () => this.#openExtension());
    byId("extend-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#extend().then((extended) => extended && goesOn());
    });
    byId("copy").addEventListener("click", () => this.#openCode());
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => /** @type {any} */ (button.closest("dialog")).close());
    }
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"))) {
      button.addEventListener("click", () => copy(byId(button.dataset.copy ?? "")));
    }
  }

  /** Offer what can be done with the sweep as it is. */
  show() {
    const { sweep } = this.#followed;
    const lost = sweep.runs.some((/** @type {any} */ run) => ["failed", "cancelled"].includes(run.status));
    hide("cancel", isFinal(sweep.status));
    hide("retry", !lost);
  }

  /** A button that does one thing at a time. @param {string} id @param {() => Promise<unknown>} work */
  #on(id, work) {
    const button = byId(id);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await attempt(work);
      button.disabled = false;
    });
  }

  #openExtension() {
    this.#chips.scales = [];
    byId("extend-seeds").value = "";
    showFaults(byId("extend-form"), byId("extend-fault"), null);
    byId("extend-dialog").showModal();
  }

  async #extend() {
    const request = { scales: this.#chips.scales, seeds: entries(byId("extend-seeds").value) };
    try {
      this.#followed.take(await post(`${this.#path}/runs`, request));
      byId("extend-dialog").close();
      return true;
    } catch (problem) {
      showFaults(byId("extend-form"), byId("extend-fault"), problem);
      this.#chips.mark(placesIn(problem instanceof Problem ? problem.errors : [], "scales"));
      return false;
    }
  }

  #openCode() {
    const defaults = JSON.parse(byId("sweep").dataset.defaults);
    const request = requestOf(this.#followed.sweep, defaults);
    write(byId("copy-python"), python(request, location.origin, knownKey() !== null));
    write(byId("copy-curl"), curl(request, location.origin, knownKey() !== null));
    write(byId("copied"), "");
    byId("copy-dialog").showModal();
  }
}

/** Hide a button, or show it; what had the focus gives it on. @param {string} id @param {boolean} hidden */
function hide(id, hidden) {
  const button = byId(id);
  if (hidden && document.activeElement === button) byId("extend").focus();
  button.hidden = hidden;
}

/** @param {HTMLElement} code */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    write(byId("copied"), "Copied.");
  } catch {
    // A browser lends its clipboard to pages of https and of this machine alone.
    getSelection()?.selectAllChildren(code);
    write(byId("copied"), "It is selected: copy it with the keys or the menu of your browser.");
  }
}

// Buttons and dialogs of a sweep.

import { download, Problem, post } from "./api.js";
import { mayChange, maySubmit, readCaller } from "./caller.js";
import { Chips, parseNumbers } from "./chips.js";
import { byId, setText } from "./dom.js";
import { offerEdits } from "./edits.js";
import { attempt, invalidIndexes, report, showFormErrors } from "./errors.js";
import { storedKey } from "./key.js";
import { isFinal } from "./live.js";
import { offerPictures } from "./plots.js";
import { ROOT } from "./root.js";
import { ShareDialog } from "./shares.js";
import { curlSnippet, pythonSnippet, requestOf } from "./snippets.js";

/** Buttons that change, extend, copy and download a sweep. */
export class Actions {
  #path;
  #live;
  /** @type {import("./caller.js").Caller | null} Null until it was read. */
  #caller = null;
  #chips = new Chips("extend-", () => {});

  /**
   * Attach to the buttons of the page.
   * @param {string} id
   * @param {import("./live.js").LiveSweep} live
   * @param {() => void} onResume Called when the sweep may have queued runs again.
   */
  constructor(id, live, onResume) {
    this.#path = `/sweeps/${encodeURIComponent(id)}`;
    this.#live = live;
    readCaller()
      .then((caller) => {
        this.#caller = caller;
        if (live.sweep) this.show();
      })
      .catch(report);
    const change = (/** @type {string} */ action) => async () => {
      live.set(await post(`${this.#path}/${action}`));
      onResume();
    };
    this.#onClick("cancel", change("cancel"));
    this.#onClick("retry", change("retry"));
    const plot = (/** @type {string} */ kind) => ({
      path: `${this.#path}/plot`,
      query: [
        ["kind", kind],
        ["log", byId("log").checked],
      ],
      name: `${id}-${kind}`,
    });
    const confusion = () => {
      const run = byId("confusion-run").value;
      return { path: `/runs/${run}/plot`, query: [["kind", "confusion"]], name: `${run}-confusion` };
    };
    offerPictures({
      accuracy: () => plot("accuracy"),
      epochs: () => plot("epochs"),
      matrix: () => plot("matrix"),
      confusion,
    });
    this.#onClick("fresh", async () => {
      const fresh = await post(`${this.#path}/fresh-noise`);
      location.assign(`${ROOT}/ui/compare?${new URLSearchParams([id, fresh.id].map((sweep) => ["sweep", sweep]))}`);
    });
    this.#onClick("report", async () => print());
    this.#onClick("csv", () => download(`${this.#path}/results?format=csv`, `${id}.csv`));
    byId("extend").addEventListener("click", () => this.#openExtendDialog());
    byId("extend-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#extend().then((extended) => extended && onResume());
    });
    byId("copy").addEventListener("click", () => this.#openCopyDialog());
    byId("duplicate").href = `${ROOT}/ui?${new URLSearchParams([["from", id]])}`;
    offerEdits(this.#path, live);
    new ShareDialog(this.#path);
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => /** @type {any} */ (button.closest("dialog")).close());
    }
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"))) {
      const status = button.closest("dialog")?.querySelector("[role=status]");
      button.addEventListener("click", () => copy(byId(button.dataset.copy ?? ""), status));
    }
  }

  /** Show the buttons that apply to the current status of the sweep. */
  show() {
    const { sweep } = this.#live;
    const canRetry = sweep.runs.some((/** @type {any} */ run) => ["failed", "cancelled"].includes(run.status));
    const own = this.#caller !== null && mayChange(this.#caller, sweep);
    setHidden("cancel", !own || isFinal(sweep.status));
    setHidden("retry", !own || !canRetry);
    byId("extend").hidden = !own;
    byId("edit").hidden = !own;
    byId("share").hidden = !own || !this.#caller?.name; // without API keys, every link works
    const submits = this.#caller !== null && maySubmit(this.#caller);
    setHidden("delete", !own || !isFinal(sweep.status));
    byId("duplicate").hidden = !submits;
    setHidden("fresh", !submits || sweep.config.resample || sweep.config.noise_on === "validation");
  }

  /**
   * Run an action when a button is clicked. The button is disabled during the action.
   * @param {string} id
   * @param {() => Promise<unknown>} action
   */
  #onClick(id, action) {
    const button = byId(id);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await attempt(action);
      button.disabled = false;
    });
  }

  /** Open an empty form for new scales and seeds. */
  #openExtendDialog() {
    this.#chips.scales = [];
    byId("extend-seeds").value = "";
    showFormErrors(byId("extend-form"), byId("extend-error"), null);
    byId("extend-dialog").showModal();
  }

  /**
   * Send the form, or show its errors.
   * @returns {Promise<boolean>} True if the sweep was extended.
   */
  async #extend() {
    const body = { scales: this.#chips.scales, seeds: parseNumbers(byId("extend-seeds").value) };
    try {
      this.#live.set(await post(`${this.#path}/runs`, body));
      byId("extend-dialog").close();
      return true;
    } catch (problem) {
      showFormErrors(byId("extend-form"), byId("extend-error"), problem);
      this.#chips.markInvalid(invalidIndexes(problem instanceof Problem ? problem.errors : [], "scales"));
      return false;
    }
  }

  /** Show code that submits the sweep again. */
  #openCopyDialog() {
    const defaults = JSON.parse(byId("sweep").dataset.defaults);
    const repeated = requestOf(this.#live.sweep, defaults);
    const service = `${location.origin}${ROOT}`;
    setText(byId("copy-python"), pythonSnippet(repeated, service, storedKey() !== null));
    setText(byId("copy-curl"), curlSnippet(repeated, service, storedKey() !== null));
    setText(byId("copied"), "");
    byId("copy-dialog").showModal();
  }
}

/**
 * Hide or show a button. If a hidden button has the focus, move the focus to a button that is always there.
 * @param {string} id
 * @param {boolean} hidden
 */
function setHidden(id, hidden) {
  const button = byId(id);
  if (hidden && document.activeElement === button) byId("copy").focus();
  button.hidden = hidden;
}

/**
 * Copy the text of an element to the clipboard, or select it if that is not allowed.
 * @param {HTMLElement} code
 * @param {any} status Element that tells what happened.
 */
async function copy(code, status) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    setText(status, "Copied.");
  } catch {
    // Browsers allow clipboard access only on HTTPS and localhost.
    getSelection()?.selectAllChildren(code);
    setText(status, "This browser does not allow copying here. The code is selected: press Ctrl+C or ⌘C.");
  }
}

// Buttons and dialogs of a sweep.

import { offerPictures } from "../charts/plots.js";
import { download, post } from "../common/api.js";
import { mayChange, maySubmit, readCaller } from "../common/caller.js";
import { createChips, parseNumbers } from "../common/chips.js";
import { byId, setText } from "../common/dom.js";
import { attempt, onSubmit, report, showFormErrors } from "../common/errors.js";
import { storedKey } from "../common/key.js";
import { html, render } from "../common/lit.js";
import { ROOT } from "../common/root.js";
import { isFinal } from "../live/live.js";
import { offerDeletion, offerEdit } from "./edits.js";
import { offerShares } from "./shares.js";
import { curlSnippet, pythonSnippet, requestOf } from "./snippets.js";

/**
 * Attach to the dialogs of the page, which change, extend, copy and share a sweep, and to the buttons of its pictures.
 * @param {string} id
 * @param {import("../live/live.js").LiveSweep} live
 * @param {() => void} onResume Called when the sweep may have queued runs again.
 * @returns {() => void} Shows the buttons that apply to the current status of the sweep.
 */
export function offerActions(id, live, onResume) {
  const path = `/sweeps/${encodeURIComponent(id)}`;
  /** @type {import("../common/caller.js").Caller | null} Null until it was read. */
  let caller = null;
  const edit = offerEdit(path, live);
  const remove = offerDeletion(path);
  const share = offerShares(`${path}/shares`);
  const extend = offerExtension(path, live, onResume);
  const change = (/** @type {string} */ action) => async () => {
    live.set(await post(`${path}/${action}`));
    onResume();
  };
  const [cancel, retry] = [whileDisabled(change("cancel")), whileDisabled(change("retry"))];
  const freshen = whileDisabled(async () => {
    const fresh = await post(`${path}/fresh-noise`);
    location.assign(`${ROOT}/ui/compare?${new URLSearchParams([id, fresh.id].map((sweep) => ["sweep", sweep]))}`);
  });
  const save = whileDisabled(() => download(`${path}/results?format=csv`, `${id}.csv`));

  function show() {
    const { sweep } = live;
    const ended = isFinal(sweep.status);
    const canRetry = sweep.runs.some((/** @type {any} */ run) => ["failed", "cancelled"].includes(run.status));
    const own = caller !== null && mayChange(caller, sweep);
    const submits = caller !== null && maySubmit(caller);
    const shares = own && caller?.name; // without API keys, every link works
    const canFreshen = submits && !sweep.config.resample && sweep.config.noise_on !== "validation";
    const focused = document.activeElement;
    render(
      html`<button type="button" id="cancel" ?hidden=${!own || ended} @click=${cancel}>Cancel</button>
        <button type="button" id="retry" ?hidden=${!own || !canRetry} @click=${retry}>Retry</button>
        <button type="button" id="extend" ?hidden=${!own} @click=${extend}>Extend</button>
        <button type="button" id="fresh" title="Train the same networks with new noise in every epoch, and compare"
          ?hidden=${!canFreshen} @click=${freshen}>With fresh noise</button>
        <a class="button" id="duplicate" title="Open the form with the settings of this sweep" href="${ROOT}/ui?from=${id}"
          ?hidden=${!submits}>Duplicate</a>
        <button type="button" id="edit" ?hidden=${!own} @click=${edit}>Edit name and tags</button>
        <button type="button" id="share" ?hidden=${!shares} @click=${() => attempt(share)}>Share</button>
        <button type="button" id="copy" @click=${() => showCode(sweep)}>Copy as code</button>
        <button type="button" id="csv" title="Download the metrics of every epoch of every run"
          @click=${save}>CSV</button>
        <button type="button" id="report" title="Print the results with the settings, dates and hashes"
          @click=${() => print()}>Report</button>
        <button type="button" id="delete" ?hidden=${!own || !ended} @click=${remove}>Delete</button>`,
      byId("actions"),
    );
    // A button that is hidden while it has the focus passes it to one that is always there.
    if (focused?.matches("#actions > [hidden]")) byId("copy").focus();
  }

  readCaller()
    .then((user) => {
      caller = user;
      if (live.sweep) show();
    })
    .catch(report);
  offerSweepPictures(id, path);
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"))) {
    const status = button.closest("dialog")?.querySelector("[role=status]");
    button.addEventListener("click", () => copy(byId(button.dataset.copy ?? ""), status));
  }
  return show;
}

/**
 * Return a listener that runs an action when a button is clicked. The button is disabled during the action.
 * @param {() => Promise<unknown>} action
 */
function whileDisabled(action) {
  return async (/** @type {any} */ { currentTarget: button }) => {
    button.disabled = true;
    await attempt(action);
    button.disabled = false;
    // A disabled button loses the focus. If it is hidden now, a button that is always there gets it.
    if (document.activeElement === document.body) (button.hidden ? byId("copy") : button).focus();
  };
}

/**
 * Attach to the buttons that download the pictures of a sweep.
 * @param {string} id
 * @param {string} path Path of the sweep.
 */
function offerSweepPictures(id, path) {
  const plot = (/** @type {string} */ kind) => () => ({
    path: `${path}/plot`,
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
  offerPictures({ accuracy: plot("accuracy"), epochs: plot("epochs"), matrix: plot("matrix"), confusion });
}

/**
 * Attach to the dialog that adds scales and seeds to a sweep.
 * @param {string} path Path of the sweep.
 * @param {import("../live/live.js").LiveSweep} live
 * @param {() => void} onExtended
 * @returns {() => void} Opens the dialog with an empty form.
 */
function offerExtension(path, live, onExtended) {
  const [dialog, form, seeds] = [byId("extend-dialog"), byId("extend-form"), byId("extend-seeds")];
  const chips = createChips("extend-");
  onSubmit(form, async () => {
    live.set(await post(`${path}/runs`, { scales: chips.read(), seeds: parseNumbers(seeds.value) }));
    dialog.close();
    onExtended();
  });
  return () => {
    chips.write([]);
    seeds.value = "";
    showFormErrors(form, null);
    dialog.showModal();
  };
}

/**
 * Show code that submits a sweep again.
 * @param {any} sweep
 */
function showCode(sweep) {
  const repeated = requestOf(sweep, JSON.parse(byId("sweep").dataset.defaults));
  const service = `${location.origin}${ROOT}`;
  setText(byId("copy-python"), pythonSnippet(repeated, service, storedKey() !== null));
  setText(byId("copy-curl"), curlSnippet(repeated, service, storedKey() !== null));
  setText(byId("copied"), "");
  byId("copy-dialog").showModal();
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

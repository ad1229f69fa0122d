// API key of this browser tab, stored until the tab is closed.

import { byId, setText } from "./dom.js";
import { ROOT } from "./root.js";

// Services at other root paths of the host must not receive this key.
const STORAGE_KEY = `noisesweep-api-key${ROOT}`;
// Characters that are valid in a header value.
const VALID_KEY = /^[!-~]+$/;
const INVALID_KEY_MESSAGE = "Expected only ASCII letters, digits and punctuation, without spaces. Copy the key again.";
/** @type {Promise<void> | null} */
let pending = null;

/** Return the token of the share link in this page's address, or null. Browsers send a fragment to no server. */
const readShareToken = () => new URLSearchParams(location.hash.slice(1)).get("share");
/** Token of a share link, which shows this page's sweep without an API key. */
export const shareToken = readShareToken();

/**
 * Return the API key of this tab or the token of its share link, or null if there is neither.
 * @returns {string | null}
 */
export const storedKey = () => shareToken ?? sessionStorage.getItem(STORAGE_KEY);

/**
 * Ask the user for an API key. Concurrent calls share one dialog and resolve when the key is stored.
 * @param {string} reason
 * @returns {Promise<void>}
 */
export function askForKey(reason) {
  pending ??= new Promise((resolve) => {
    const [dialog, form, field] = [byId("key-dialog"), byId("key-form"), byId("key-field")];
    setText(byId("key-reason"), reason);
    field.value = "";
    field.setCustomValidity("");
    field.oninput = () => field.setCustomValidity(VALID_KEY.test(field.value.trim()) ? "" : INVALID_KEY_MESSAGE);
    // The page is empty without a key, so the dialog stays open. Browsers ignore preventDefault for a second Escape.
    dialog.oncancel = (/** @type {Event} */ event) => event.preventDefault();
    dialog.onclose = () => pending && !dialog.open && dialog.showModal();
    form.onsubmit = () => {
      sessionStorage.setItem(STORAGE_KEY, field.value.trim());
      updateForgetButton();
      pending = null;
      resolve();
    };
    dialog.showModal();
  });
  return pending;
}

/** Show the button that removes the key if a key is stored. */
function updateForgetButton() {
  const button = byId("forget-key");
  button.hidden = sessionStorage.getItem(STORAGE_KEY) === null;
  button.onclick = () => {
    sessionStorage.removeItem(STORAGE_KEY);
    location.reload();
  };
}

updateForgetButton();
if (shareToken) {
  // A share link does not open other pages.
  byId("pages").hidden = true;
  document.querySelector(".wordmark")?.removeAttribute("href");
}
// A link that was pasted into the address of this page changes only the fragment.
addEventListener("hashchange", () => readShareToken() && readShareToken() !== shareToken && location.reload());

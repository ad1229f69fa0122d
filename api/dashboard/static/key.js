// The API key, where the service wants one: asked for once, and kept while the tab is open.

import { byId, write } from "./dom.js";

const NAME = "noisesweep-api-key";
// What a header can bring.
const KEY = /^[!-~]+$/;
const NO_KEY = "A key has letters, digits and signs of ASCII alone, and no spaces: was something else copied with it?";
/** @type {Promise<void> | null} */
let asking = null;

/** @returns {string | null} */
export const knownKey = () => sessionStorage.getItem(NAME);

/**
 * Ask for a key, all who need it together; settled when there is one.
 * @param {string} reason
 * @returns {Promise<void>}
 */
export function askForKey(reason) {
  asking ??= new Promise((settle) => {
    const [dialog, form, field] = [byId("key-dialog"), byId("key-form"), byId("key-field")];
    write(byId("key-reason"), reason);
    field.value = "";
    field.setCustomValidity("");
    field.oninput = () => field.setCustomValidity(KEY.test(field.value.trim()) ? "" : NO_KEY);
    // Without a key there is nothing to show. A browser lets Escape be refused once, and closes at the second.
    dialog.oncancel = (/** @type {Event} */ event) => event.preventDefault();
    dialog.onclose = () => asking && !dialog.open && dialog.showModal();
    form.onsubmit = () => {
      sessionStorage.setItem(NAME, field.value.trim());
      offerToForget();
      asking = null;
      settle();
    };
    dialog.showModal();
  });
  return asking;
}

function offerToForget() {
  const button = byId("forget-key");
  button.hidden = knownKey() === null;
  button.onclick = () => {
    sessionStorage.removeItem(NAME);
    location.reload();
  };
}

offerToForget();

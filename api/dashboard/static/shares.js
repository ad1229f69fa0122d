// Dialog of a sweep's share links.

import { get, post, request } from "./api.js";
import { byId, element, setText, updateChildren } from "./dom.js";
import { attempt, showFormErrors } from "./errors.js";
import { formatTime } from "./format.js";
import { ROOT } from "./root.js";

/** Dialog that creates, lists and revokes the share links of a sweep. */
export class ShareDialog {
  #path;
  #dialog = byId("share-dialog");

  /**
   * Attach to the dialog of the page.
   * @param {string} path Path of the sweep.
   */
  constructor(path) {
    this.#path = `${path}/shares`;
    byId("share").addEventListener("click", () => attempt(() => this.#open()));
    this.#dialog.addEventListener("close", () => setText(byId("share-link"), ""));
    byId("share-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#create();
    });
  }

  /** Show the dialog with the present links. */
  async #open() {
    byId("new-link").hidden = true;
    showFormErrors(byId("share-form"), byId("share-error"), null);
    await this.#list();
    this.#dialog.showModal();
  }

  /** Create a link and show it, or show the errors of the form. */
  async #create() {
    try {
      const share = await post(this.#path, { expires_in_days: Number(byId("share-days").value) });
      showFormErrors(byId("share-form"), byId("share-error"), null);
      setText(byId("share-link"), `${location.origin}${ROOT}/ui/${share.page.split("/ui/")[1]}`);
      byId("new-link").hidden = false;
      await this.#list();
    } catch (problem) {
      showFormErrors(byId("share-form"), byId("share-error"), problem);
    }
  }

  /** Read the valid links and list them. */
  async #list() {
    const { shares } = await get(this.#path);
    setText(byId("shares-status"), shares.length ? "Links in use:" : "There are no links to this sweep.");
    const key = (/** @type {any} */ share) => share.id;
    updateChildren(
      byId("shares"),
      shares,
      key,
      (share) => this.#createItem(share),
      () => {},
    );
  }

  /**
   * Create the list item of a link.
   * @param {any} share
   * @returns {HTMLElement}
   */
  #createItem({ id, created_at: created, created_by: author, expires_at: end }) {
    const revoke = element(
      "button",
      { type: "button", "aria-label": `Revoke the link of ${formatTime(created)}` },
      "Revoke",
    );
    revoke.addEventListener("click", () =>
      attempt(async () => {
        await request(`${this.#path}/${id}`, { method: "DELETE" });
        await this.#list();
      }),
    );
    return element("li", {}, `${formatTime(created)} by ${author}, until ${formatTime(end)} `, revoke);
  }
}

// Dialog of a sweep's share links.

import { get, post, request } from "../common/api.js";
import { byId, setText } from "../common/dom.js";
import { onSubmit, showFormErrors } from "../common/errors.js";
import { formatTime } from "../common/format.js";
import { html, render, repeat } from "../common/lit.js";
import { ROOT } from "../common/root.js";

/**
 * Attach to the dialog that creates, lists and revokes the share links of a sweep.
 * @param {string} path Path of the sweep's share links.
 * @returns {() => Promise<void>} Opens the dialog with the present links.
 */
export function offerShares(path) {
  const [dialog, form] = [byId("share-dialog"), byId("share-form")];

  /** Read the valid links and list them. */
  async function list() {
    const { shares } = await get(path);
    setText(byId("shares-status"), shares.length ? "Links in use:" : "There are no links to this sweep.");
    render(
      repeat(shares, ({ id }) => id, item),
      byId("shares"),
    );
  }

  /**
   * Return the template of the list item of a link.
   * @param {any} share
   */
  function item({ id, created_at: created, created_by: author, expires_at: end }) {
    const revoke = async () => {
      try {
        await request(`${path}/${id}`, { method: "DELETE" });
        await list();
      } catch (problem) {
        showFormErrors(form, problem); // the page's own message is behind the dialog
      }
      byId("share-days").focus(); // the button that had the focus is gone
    };
    return html`<li>
      ${formatTime(created)} by ${author}, until ${formatTime(end)}
      <button type="button" aria-label="Revoke the link of ${formatTime(created)}"
        @click=${revoke}>Revoke</button>
    </li>`;
  }

  dialog.addEventListener("close", () => setText(byId("share-link"), ""));
  onSubmit(form, async () => {
    const share = await post(path, { expires_in_days: Number(byId("share-days").value) });
    setText(byId("share-link"), `${location.origin}${ROOT}/ui/${share.page.split("/ui/")[1]}`);
    byId("new-link").hidden = false;
    await list();
  });
  return async () => {
    byId("new-link").hidden = true;
    showFormErrors(form, null);
    await list();
    dialog.showModal();
  };
}

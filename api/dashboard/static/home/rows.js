// Rows of the list of sweeps.

import { sparkline } from "../charts/sparkline.js";
import { mayChange, maySubmit } from "../common/caller.js";
import { describeSweep, formatTags, formatTime, sweepName } from "../common/format.js";
import { html, live } from "../common/lit.js";
import { ROOT } from "../common/root.js";
import { isFinal } from "../live/live.js";

/**
 * Return the template of the row of a sweep.
 * @param {any} sweep
 * @param {{caller: import("../common/caller.js").Caller | null, selected: boolean, onSelect: () => void,
 *   onDelete: () => void}} options `caller` is null until it was read. `onSelect` is called when the user selects or
 *   deselects the sweep.
 */
export function row(sweep, { caller, selected, onSelect, onDelete }) {
  const { id, status, tags, created_at: created } = sweep;
  const { epochs_done: done, epochs_total: total } = sweep.progress;
  const [name, ended] = [sweepName(sweep), isFinal(status)];
  const canDelete = ended && caller && mayChange(caller, sweep);
  return html`<li>
    <div class="select">
      <input type="checkbox" aria-label="Compare ${name}" .checked=${live(selected)} @change=${onSelect}>
    </div>
    <div>
      <a class="name" href="${ROOT}/ui/sweeps/${id}">${name}</a>
      <p>
        <span class="status" data-status=${status}>${status}</span>
        <progress aria-label="Epochs of ${name}" max=${total} value=${done} ?hidden=${ended}></progress>
        <span class="muted number">${ended ? formatTime(created) : `${done} of ${total} epochs`}</span>
      </p>
      <p class="muted description">${describeSweep(sweep)}</p>
      <p class="row-actions">
        <a class="duplicate" href="${ROOT}/ui?from=${id}" aria-label="Duplicate ${name}"
          ?hidden=${!caller || !maySubmit(caller)}>Duplicate</a>
        <button type="button" class="link-button delete" aria-label="Delete ${name}"
          ?hidden=${!canDelete} @click=${onDelete}>Delete</button>
        ${formatTags(tags).map(
          (tag) => html`<a class="tag" href="${ROOT}/ui?${new URLSearchParams([["tag", tag]])}">${tag}</a>`,
        )}
      </p>
    </div>
    <div class="spark">${sparkline(sweep)}</div>
  </li>`;
}

// Page of the workers and the queue.

import { get } from "./common/api.js";
import { readCaller } from "./common/caller.js";
import { byId, setText } from "./common/dom.js";
import { messageOf, report } from "./common/errors.js";
import { deviceName, formatCount, formatDuration, formatTime } from "./common/format.js";
import { html, render, repeat } from "./common/lit.js";
import { ROOT } from "./common/root.js";
import { createPoller } from "./common/scheduling.js";

const POLL_INTERVAL = 2_000; // ms

/**
 * Read the workers and the queue, and show them.
 * @returns {Promise<number>} Delay before the next read, ms.
 */
async function update() {
  try {
    const [{ workers }, queue] = await Promise.all([get("/workers"), get("/queue")]);
    render(tiles(queue), byId("queue"));
    const alive = workers.filter((/** @type {any} */ worker) => worker.alive).length;
    const none = "No worker is alive. Start one with `noisesweep worker`.";
    setText(byId("workers-status"), alive ? `${formatCount(alive, "worker")} alive.` : none);
    render(
      repeat(workers, (worker) => worker.name, item),
      byId("workers"),
    );
  } catch (problem) {
    setText(byId("workers-status"), messageOf(problem));
  }
  return POLL_INTERVAL;
}

/**
 * Return the template of the statistics of the queue.
 * @param {any} queue Answer of GET /queue.
 */
const tiles = (queue) =>
  [
    ["runs queued", queue.queued_runs.toLocaleString("en")],
    ["runs running", queue.running_runs.toLocaleString("en")],
    ["longest wait", queue.oldest_wait_seconds === null ? "none" : formatDuration(queue.oldest_wait_seconds)],
    ["recent runs per minute", queue.runs_per_minute.toFixed(1)],
  ].map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);

/**
 * Return the template of the list item of a worker.
 * @param {any} worker
 */
function item({ name, device, device_reason: reason, processes, stack, version, current_runs: runs, ...worker }) {
  const training = processes === 1 ? "1 training process" : `${processes} training processes`;
  const side = stack > 1 ? `, up to ${stack} runs side by side in each` : "";
  const presence = worker.alive
    ? `alive since ${formatTime(worker.started_at)}`
    : `lost, last seen ${formatTime(worker.last_seen_at)}`;
  const links = runs.map(
    (/** @type {string} */ run, /** @type {number} */ index) =>
      html`${index ? ", " : "Training "}<a href="${ROOT}/ui/runs/${run}">${run}</a>`,
  );
  return html`<li>
    <h2>${name}</h2>
    <p>${deviceName(device)} (${reason}), ${training}${side}</p>
    <p class="muted">${presence} · version ${version}</p>
    <p class="runs">${links.length ? links : "Idle."}</p>
  </li>`;
}

createPoller(update)();
readCaller().catch(report);

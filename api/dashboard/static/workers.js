// Page of the workers and the queue.

import { get } from "./api.js";
import { readCaller } from "./caller.js";
import { byId, element, setText, updateChildren } from "./dom.js";
import { messageOf, report } from "./errors.js";
import { deviceName, formatCount, formatDuration, formatTime } from "./format.js";
import { ROOT } from "./root.js";
import { createPoller } from "./scheduling.js";

const POLL_INTERVAL = 2_000; // ms

/**
 * Read the workers and the queue, and show them.
 * @returns {Promise<number>} Delay before the next read, ms.
 */
async function update() {
  try {
    const [{ workers }, queue] = await Promise.all([get("/workers"), get("/queue")]);
    showQueue(queue);
    const alive = workers.filter((/** @type {any} */ worker) => worker.alive).length;
    const none = "No worker is alive. Start one with `noisesweep worker`.";
    setText(byId("workers-status"), alive ? `${formatCount(alive, "worker")} alive.` : none);
    updateChildren(byId("workers"), workers, (worker) => worker.name, createItem, updateItem);
  } catch (problem) {
    setText(byId("workers-status"), messageOf(problem));
  }
  return POLL_INTERVAL;
}

/**
 * Show the statistics of the queue.
 * @param {any} queue Answer of GET /queue.
 */
function showQueue(queue) {
  const tiles = [
    ["runs queued", queue.queued_runs.toLocaleString("en")],
    ["runs running", queue.running_runs.toLocaleString("en")],
    ["longest wait", queue.oldest_wait_seconds === null ? "none" : formatDuration(queue.oldest_wait_seconds)],
    ["recent runs per minute", queue.runs_per_minute.toFixed(1)],
  ];
  updateChildren(
    byId("queue"),
    tiles,
    ([name]) => name,
    ([name]) => element("div", {}, element("dt", {}, name), element("dd")),
    (tile, [, value]) => setText(tile.lastChild, value),
  );
}

/** Create the list item of a worker. */
const createItem = () =>
  element("li", {}, element("h2"), element("p"), element("p", { class: "muted" }), element("p", { class: "runs" }));

/**
 * Update the list item of a worker.
 * @param {any} item
 * @param {any} worker
 */
function updateItem(item, worker) {
  const [name, device, life, runs] = item.children;
  setText(name, worker.name);
  const processes = worker.processes === 1 ? "1 training process" : `${worker.processes} training processes`;
  const stack = worker.stack > 1 ? `, up to ${worker.stack} runs side by side in each` : "";
  setText(device, `${deviceName(worker.device)} (${worker.device_reason}), ${processes}${stack}`);
  const presence = worker.alive
    ? `alive since ${formatTime(worker.started_at)}`
    : `lost, last seen ${formatTime(worker.last_seen_at)}`;
  setText(life, `${presence} · version ${worker.version}`);
  const version = worker.current_runs.join();
  if (runs.dataset.version === version) return;
  runs.dataset.version = version;
  const links = worker.current_runs.flatMap((/** @type {string} */ run, /** @type {number} */ index) => [
    index ? ", " : "",
    element("a", { href: `${ROOT}/ui/sweeps/${run.split("-")[0]}` }, run),
  ]);
  runs.replaceChildren(...(links.length ? ["Training ", ...links] : ["Idle."]));
}

createPoller(update)();
readCaller().catch(report);

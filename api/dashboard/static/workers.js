// Who trains, and what waits.

import { get } from "./api.js";
import { byId, element, keep, write } from "./dom.js";
import { messageOf } from "./faults.js";
import { repeated } from "./pace.js";
import { count, deviceName, duration, moment } from "./words.js";

const PAUSE = 2_000; // ms

async function read() {
  try {
    const [{ workers }, queue] = await Promise.all([get("/workers"), get("/queue")]);
    showQueue(queue);
    const alive = workers.filter((/** @type {any} */ worker) => worker.alive).length;
    const none = "No worker is alive: start one with `noisesweep worker`.";
    write(byId("workers-status"), alive ? `${count(alive, "worker")} alive.` : none);
    keep(byId("workers"), workers, (worker) => worker.name, make, update);
  } catch (problem) {
    write(byId("workers-status"), messageOf(problem));
  }
  return PAUSE;
}

/** @param {any} queue */
function showQueue(queue) {
  const tiles = [
    ["runs queued", queue.queued_runs.toLocaleString("en")],
    ["runs running", queue.running_runs.toLocaleString("en")],
    ["longest wait", queue.oldest_wait_seconds === null ? "none" : duration(queue.oldest_wait_seconds)],
    ["runs a minute, lately", queue.runs_per_minute.toFixed(1)],
  ];
  keep(
    byId("queue"),
    tiles,
    ([name]) => name,
    ([name]) => element("div", {}, element("dt", {}, name), element("dd")),
    (tile, [, value]) => write(tile.lastChild, value),
  );
}

const make = () =>
  element("li", {}, element("h2"), element("p"), element("p", { class: "faint" }), element("p", { class: "doing" }));

/** @param {any} item @param {any} worker */
function update(item, worker) {
  const [name, what, since, doing] = item.children;
  write(name, worker.name);
  const processes = worker.processes === 1 ? "1 training process" : `${worker.processes} training processes`;
  const stack = worker.stack > 1 ? `, ${worker.stack} runs side by side in each` : "";
  write(what, `On the ${deviceName(worker.device)} (${worker.device_reason}), ${processes}${stack}`);
  const life = worker.alive
    ? `alive since ${moment(worker.started_at)}`
    : `lost: last seen ${moment(worker.last_seen_at)}`;
  write(since, `${life} · version ${worker.version}`);
  if (doing.dataset.runs === worker.current_runs.join()) return;
  doing.dataset.runs = worker.current_runs.join();
  const links = worker.current_runs.map((/** @type {string} */ run) =>
    element("a", { href: `/ui/sweeps/${run.split("-")[0]}` }, run),
  );
  const trains = links.flatMap((/** @type {Node} */ link, /** @type {number} */ place) =>
    place ? [", ", link] : [link],
  );
  doing.replaceChildren(...(links.length ? ["Trains ", ...trains] : ["Trains nothing at the moment."]));
}

repeated(read)();

// Where a sweep stands in the queue, and what the API key of the page uses of its limits.

import { get } from "./api.js";
import { byId, showText } from "./dom.js";
import { formatCount, formatDuration } from "./format.js";
import { retry } from "./retries.js";
import { createPoller } from "./scheduling.js";

const INTERVAL = 5_000; // ms

/**
 * Show when the next queued run of the page's sweep is expected to start, while it has one.
 * @param {import("../live/live.js").LiveSweep} live
 */
export function followQueue(live) {
  createPoller(async () => {
    const isQueued = live.sweep?.runs.some((/** @type {any} */ run) => run.status === "queued");
    const queue = isQueued ? await retry(() => get("/queue")) : { own: [] };
    const own = queue.own.find((/** @type {any} */ each) => each.id === live.sweep.id);
    showText(byId("queue"), own ? describeWait(own) : "");
    return INTERVAL;
  })();
}

/**
 * Describe the wait of a sweep.
 * @param {any} own Sweep in the answer of GET /queue.
 */
function describeWait({ queued_runs: queued, runs_before: before, expected_wait_seconds: seconds }) {
  const start =
    seconds === null ? "." : seconds < 1 ? " and can start now." : ` and starts in about ${formatDuration(seconds)}.`;
  return `${formatCount(queued, "run")} queued. The next one has ${formatCount(before, "run")} before it${start}`;
}

/** Show what the API key of the page uses of its limits. */
export async function showUsage() {
  const usage = await retry(() => get("/quota"));
  const megabytes = (/** @type {number} */ size) => (size / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
  const seconds = usage.max_core_seconds_per_day;
  showText(
    byId("usage"),
    [
      `You use ${usage.queued_runs} of ${usage.max_queued_runs} queued runs`,
      `${megabytes(usage.stored_bytes)} of ${megabytes(usage.max_stored_bytes)} MB`,
      ...(seconds === null ? [] : [`${Math.round(usage.core_seconds)} of ${seconds} core-seconds in 24 hours`]),
    ].join(" · "),
  );
}

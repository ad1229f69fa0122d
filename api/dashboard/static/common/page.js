// Reading for a page that follows sweeps or a run. The page is drawn after each read.

import { byId, showText } from "./dom.js";
import { report } from "./errors.js";
import { coalesce, isTransient } from "./retries.js";
import { createPoller } from "./scheduling.js";

const ERROR_INTERVAL = 5_000; // ms

/**
 * Show a message while the service does not respond.
 * @param {boolean} connected
 */
export const showConnection = (connected) =>
  showText(
    byId("connection"),
    connected ? "" : "The service does not respond. This page continues when it responds again.",
  );

/**
 * Show the failure of a background request. Transient failures are retried.
 * @param {unknown} problem
 */
export const showFailure = (problem) => (isTransient(problem) ? showConnection(false) : report(problem));

/**
 * Return a function that runs `read` once for each key, as `coalesce` does, and then draws.
 * @template Argument
 * @param {(argument: Argument) => Promise<void>} read
 * @param {() => void} draw
 */
export const createReader = (read, draw = () => {}) =>
  coalesce(async (/** @type {Argument} */ argument) => {
    await read(argument);
    showConnection(true);
    draw();
  }, showFailure);

/**
 * Run `read` repeatedly while the page is visible, and draw after it.
 * @param {() => Promise<boolean>} read Returns true if what it has read is expected to change.
 * @param {() => void} draw
 * @param {number[]} intervals Delay before the next read if it is expected to change, and otherwise, ms.
 */
export const followResource = (read, draw, [active, idle]) =>
  createPoller(async () => {
    try {
      const isActive = await read();
      showConnection(true);
      draw();
      return isActive ? active : idle;
    } catch (problem) {
      showFailure(problem);
      draw();
      return isTransient(problem) ? ERROR_INTERVAL : idle;
    }
  })();

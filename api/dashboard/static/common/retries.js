// Retries with exponential backoff and jitter.

import { Problem } from "./api.js";

export const INITIAL_DELAY = 500; // ms
const MAX_DELAY = 8_000; // ms

/**
 * Return true if a retry may succeed: the request got no response, was rate limited, or met a server error.
 * @param {unknown} problem
 * @returns {boolean}
 */
export const isTransient = (problem) =>
  problem instanceof Problem && (problem.status === 0 || problem.status === 429 || problem.status >= 500);

/**
 * Return the delay before the next retry.
 * @param {number} delay The delay before the last retry, ms.
 * @returns {number} ms
 */
export const nextDelay = (delay) => Math.min(2 * delay, MAX_DELAY);

/**
 * Wait with jitter, so that many pages do not retry at the same moment after an outage.
 * @param {number} delay Upper limit of the wait, ms.
 * @param {AbortSignal} [signal] Ends the wait early.
 * @returns {Promise<void>}
 */
export const sleep = (delay, signal) =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delay * (0.5 + Math.random() / 2));
    signal?.addEventListener("abort", end);
  });

/**
 * Run `work` until it succeeds. Throw errors that are not transient.
 * @template Result
 * @param {() => Promise<Result>} work
 * @param {(problem: unknown) => void} onFailure Called after each transient error.
 * @returns {Promise<Result>}
 */
export async function retry(work, onFailure = () => {}) {
  for (let delay = INITIAL_DELAY; ; delay = nextDelay(delay)) {
    try {
      return await work();
    } catch (problem) {
      if (!isTransient(problem)) throw problem;
      onFailure(problem);
    }
    await sleep(delay);
  }
}

/**
 * Return a function that runs `work` with the newest argument, one call at a time. Each key is done once. A key is done
 * when `work` has succeeded or failed with an error that is not transient.
 * @template Argument
 * @param {(argument: Argument) => Promise<void>} work
 * @param {(problem: unknown) => void} onFailure
 * @returns {(key: string, argument: Argument) => Promise<void>} Resolves when all work is done. It never rejects.
 */
export function coalesce(work, onFailure) {
  /** @type {{key: string, argument: any}} */
  let newest;
  let done = "";
  /** @type {Promise<void> | null} */
  let running = null;
  const run = async () => {
    await null; // lets the caller assign `running` first
    while (newest.key !== done) {
      let { key } = newest;
      const workOnNewest = () => {
        key = newest.key;
        return work(newest.argument);
      };
      await retry(workOnNewest, onFailure).catch(onFailure);
      done = key;
    }
    running = null;
  };
  return (key, argument) => {
    newest = { key, argument };
    running ??= run();
    return running;
  };
}

// What is done again after a failure that may pass.

import { Problem } from "./api.js";

export const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 8_000;

/**
 * Whether it may be gone the next time: nothing answered, too much was asked, or the service was at fault.
 * @param {unknown} problem
 */
export const mayPass = (problem) =>
  problem instanceof Problem && (problem.status === 0 || problem.status === 429 || problem.status >= 500);

/** The pause after one that was in vain, ms. @param {number} pause */
export const longer = (pause) => Math.min(2 * pause, LONGEST_PAUSE);

/**
 * Wait, though not all for the same time: a service that has just come back is asked by every page that waited for it.
 * @param {number} pause At the most, ms.
 * @param {AbortSignal} [signal] Ends the wait.
 * @returns {Promise<void>}
 */
export const wait = (pause, signal) =>
  new Promise((go) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      go();
    };
    const timer = setTimeout(end, pause * (0.5 + Math.random() / 2));
    signal?.addEventListener("abort", end);
  });

/**
 * Do something until it succeeds; what does not pass is thrown.
 * @template Result
 * @param {() => Promise<Result>} work
 * @param {(problem: unknown) => void} failed Told of each failure that may pass.
 * @returns {Promise<Result>}
 */
export async function retried(work, failed = () => {}) {
  for (let pause = FIRST_PAUSE; ; pause = longer(pause)) {
    try {
      return await work();
    } catch (problem) {
      if (!mayPass(problem)) throw problem;
      failed(problem);
    }
    await wait(pause);
  }
}

/**
 * Do something for what there is now, one at a time: once for each key, and that is only when it has succeeded, or has
 * been refused for good.
 * @template Given
 * @param {(given: Given) => Promise<void>} work
 * @param {(problem: unknown) => void} failed
 * @returns {(key: string, given: Given) => Promise<void>} Settled when there is nothing left to do; it never throws.
 */
export function keptUp(work, failed) {
  /** @type {{key: string, given: any}} */
  let wanted;
  let done = "";
  /** @type {Promise<void> | null} */
  let running = null;
  const run = async () => {
    await null; // `running` is this by now
    while (wanted.key !== done) {
      let { key } = wanted;
      const latest = () => {
        key = wanted.key;
        return work(wanted.given);
      };
      await retried(latest, failed).catch(failed);
      done = key;
    }
    running = null;
  };
  return (key, given) => {
    wanted = { key, given };
    return (running ??= run());
  };
}

// A sweep as it is now: read once, and kept up to date by its events.

import { get } from "./api.js";
import { follow } from "./events.js";
import { keptUp } from "./retries.js";

const AFTER_NEWS = 300; // ms; what happens together is read together

/** @typedef {{epoch: number, accuracy: number, val_accuracy: number, seconds: number}} EpochMetrics */

/**
 * The record of the sweep is the truth about where its runs stand; of events only those of epochs are taken at their
 * word, and any other leads to reading the record again.
 */
export class FollowedSweep {
  /** @type {any} The sweep; null before it was read. */
  sweep = null;
  /** @type {Map<string, EpochMetrics[]>} Those that events told of, by the run's id, each by its epoch. */
  epochs = new Map();

  #path;
  #last = "";
  #changed;
  #connected;
  #failed;
  /** @type {Promise<void> | null} */
  #following = null;
  #left = new AbortController();
  /** The version up to which all has been told. */
  #toldTo = -1;
  #asked = 0;
  #read;
  #newsToRead = false;
  /** @type {Map<string, any>} */
  #runs = new Map();

  /**
   * @param {string} id
   * @param {{changed: () => void, connected: (is: boolean) => void, failed: (problem: unknown) => void}} told
   */
  constructor(id, { changed, connected, failed }) {
    this.#path = `/sweeps/${encodeURIComponent(id)}`;
    this.#changed = changed;
    this.#connected = connected;
    this.#failed = failed;
    this.#read = keptUp(() => this.#readAll(), failed);
  }

  /**
   * Read the sweep, and follow it until it has ended or is left; to be called again when it may go on. Never throws.
   */
  async follow() {
    await this.read();
    if (this.#left.signal.aborted) await this.#following; // it says first how far it has come
    if (!this.sweep || this.sweep.version === this.#toldTo || document.hidden) return;
    this.#following ??= this.#hear().finally(() => (this.#following = null));
    await this.#following;
  }

  /** Follow it no longer: a browser has six connections to a service, and all its tabs share them. */
  leave() {
    this.#left.abort();
  }

  async #hear() {
    const { signal } = (this.#left = new AbortController());
    try {
      this.#last = await follow(`${this.#path}/events`, {
        after: this.#last,
        told: (/** @type {any} */ event) => this.#take(event),
        connected: this.#connected,
        signal,
      });
      if (signal.aborted) return;
      await this.read();
      if (isFinal(this.sweep.status)) this.#toldTo = this.sweep.version;
    } catch (problem) {
      this.#failed(problem);
    }
  }

  /** Read the record, as often as it takes. */
  read() {
    this.#asked += 1;
    return this.#read(String(this.#asked), undefined);
  }

  async #readAll() {
    this.take(await get(this.#path));
    this.#connected(true);
  }

  /** Take a sweep that the API has answered with. @param {any} sweep */
  take(sweep) {
    if (this.sweep && sweep.version < this.sweep.version) return;
    this.sweep = sweep;
    this.#runs = new Map(sweep.runs.map((/** @type {any} */ run) => [run.id, run]));
    for (const [id, epochs] of this.epochs) this.#bringUpToDate(id, epochs);
    this.#changed();
  }

  /** @param {any} event */
  #take(event) {
    if (event.type !== "epoch") return this.#readSoon();
    const epochs = this.epochs.get(event.run_id) ?? [];
    epochs[event.metrics.epoch] = event.metrics;
    this.epochs.set(event.run_id, epochs);
    this.#bringUpToDate(event.run_id, epochs);
    this.#changed();
  }

  /** Events may be ahead of the record that was read. @param {string} id @param {EpochMetrics[]} epochs */
  #bringUpToDate(id, epochs) {
    const run = this.#runs.get(id);
    if (!run || epochs.length <= run.epochs_done) return;
    run.epochs_done = epochs.length;
    run.latest_metrics = epochs.at(-1);
  }

  #readSoon() {
    if (this.#newsToRead) return;
    this.#newsToRead = true;
    setTimeout(() => {
      this.#newsToRead = false;
      this.read();
    }, AFTER_NEWS);
  }
}

/** @param {string} status */
export const isFinal = (status) => status !== "queued" && status !== "running";

/**
 * Until a running run ends at its latest pace, s; null if that cannot be said.
 * @param {any} run
 * @param {number} epochs
 */
export const secondsLeft = (run, epochs) =>
  run.status === "running" && run.latest_metrics ? (epochs - run.epochs_done) * run.latest_metrics.seconds : null;

/** Likewise of all runs of a sweep, at the pace of those that are running. @param {any} sweep */
export function secondsLeftOfAll(sweep) {
  const running = sweep.runs.filter((/** @type {any} */ run) => run.status === "running" && run.latest_metrics);
  if (!running.length) return null;
  const seconds = running.reduce(
    (/** @type {number} */ sum, /** @type {any} */ run) => sum + run.latest_metrics.seconds,
    0,
  );
  const left = sweep.runs
    .filter((/** @type {any} */ run) => !isFinal(run.status))
    .reduce((/** @type {number} */ sum, /** @type {any} */ run) => sum + sweep.config.epochs - run.epochs_done, 0);
  return (left * seconds) / running.length ** 2;
}

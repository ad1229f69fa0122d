// A sweep as it is now: read once, and kept up to date by its events.

import { get } from "./api.js";
import { follow } from "./events.js";

const AFTER_NEWS = 300; // ms; what happens together is read together

/** @typedef {{epoch: number, accuracy: number, val_accuracy: number, seconds: number}} EpochMetrics */

/**
 * The record of the sweep is the truth about where its runs stand; of events only those of epochs are taken at their
 * word, and any other leads to reading the record again.
 */
export class FollowedSweep {
  /** @type {any} The sweep; null before it was read. */
  sweep = null;
  /** @type {Map<string, EpochMetrics[]>} By the run's id, each by its epoch. */
  epochs = new Map();

  #path;
  #last = "";
  #changed;
  #connected;
  #following = false;
  #reading = false;
  /** @type {Map<string, any>} */
  #runs = new Map();

  /** @param {string} id @param {{changed: () => void, connected: (is: boolean) => void}} told */
  constructor(id, { changed, connected }) {
    this.#path = `/sweeps/${encodeURIComponent(id)}`;
    this.#changed = changed;
    this.#connected = connected;
  }

  /** Read the sweep, and follow it until it has ended; to be called again when it may go on. */
  async follow() {
    await this.read();
    if (this.#following) return;
    this.#following = true;
    try {
      const signal = new AbortController().signal;
      const told = (/** @type {any} */ event) => this.#take(event);
      this.#last = await follow(`${this.#path}/events`, {
        after: this.#last,
        told,
        connected: this.#connected,
        signal,
      });
    } finally {
      this.#following = false;
    }
    await this.read();
  }

  /** Read the record. */
  async read() {
    this.take(await get(this.#path));
    await this.#readReused();
  }

  /** Read the epochs of runs that are reused, of which no event tells: they were trained elsewhere. */
  async #readReused() {
    const unread = this.sweep.runs.filter((/** @type {any} */ run) => run.reused_from && !this.epochs.has(run.id));
    if (!unread.length) return;
    for (const run of unread) this.epochs.set(run.id, []);
    const { rows } = await get(`${this.#path}/results`);
    const ids = new Set(unread.map((/** @type {any} */ run) => run.id));
    for (const row of rows) if (ids.has(row.run_id)) this.epochs.get(row.run_id)?.push(row);
    this.#changed();
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
    if (this.#reading) return;
    this.#reading = true;
    setTimeout(() => {
      this.#reading = false;
      this.read().catch(() => this.#connected(false)); // the events go on telling
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

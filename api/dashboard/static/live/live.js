// Live state of a sweep: its record, updated by its events.

import { get } from "../common/api.js";
import { coalesce } from "../common/retries.js";
import { subscribe } from "./streams.js";

const READ_DELAY = 300; // ms; events within this time cause one read

/** @typedef {{epoch: number, accuracy: number, val_accuracy: number, seconds: number}} EpochMetrics */
/** @typedef {{id: string, name: string | null, status: string, runs: any[], scales: number[], seeds: number[],
 *   [field: string]: any}} Sweep An answer of the API. */

/**
 * Subscription to a sweep. The record is the source of truth. Only epoch events are applied directly. All other events
 * cause a new read of the record.
 */
export class LiveSweep {
  /** @type {any} The sweep. It is null before the first read. */
  sweep = null;
  /** @type {Map<string, EpochMetrics[]>} Metrics received with events: for each run id, a list by epoch. */
  epochs = new Map();

  #path;
  #lastEventId = "";
  #onChange;
  #onConnection;
  #onFailure;
  /** @type {Promise<void> | null} */
  #subscription = null;
  #abort = new AbortController();
  /** Version of the sweep whose events have all been received. */
  #completeVersion = -1;
  #readCount = 0;
  #read;
  #readScheduled = false;
  /** @type {Map<string, any>} */
  #runs = new Map();

  /**
   * Create a subscription without connecting.
   * @param {string} id
   * @param {{onChange: () => void, onConnection: (connected: boolean) => void,
   *   onFailure: (problem: unknown) => void}} callbacks
   */
  constructor(id, { onChange, onConnection, onFailure }) {
    this.#path = `/sweeps/${encodeURIComponent(id)}`;
    this.#onChange = onChange;
    this.#onConnection = onConnection;
    this.#onFailure = onFailure;
    this.#read = coalesce(() => this.#readRecord(), onFailure);
  }

  /**
   * Read the sweep, then receive its events until it has ended or the subscription is paused. Never throw.
   * Call this again when the sweep may have new events.
   */
  async follow() {
    await this.read();
    if (this.#abort.signal.aborted) await this.#subscription; // it stores the id of the last event when it ends
    if (!this.sweep || this.sweep.version === this.#completeVersion || document.hidden) return;
    this.#subscription ??= this.#subscribe().finally(() => (this.#subscription = null));
    await this.#subscription;
  }

  /** Stop receiving events. A browser has few connections to a service, shared by all tabs. */
  pause() {
    this.#abort.abort();
  }

  /** Receive events until the stream is complete or aborted. */
  async #subscribe() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      this.#lastEventId = await subscribe(`${this.#path}/events`, {
        lastEventId: this.#lastEventId,
        onEvent: (/** @type {any} */ event) => this.#apply(event),
        onConnection: this.#onConnection,
        signal,
      });
      if (signal.aborted) return;
      await this.read();
      if (isFinal(this.sweep.status)) this.#completeVersion = this.sweep.version;
    } catch (problem) {
      this.#onFailure(problem);
    }
  }

  /** Read the record, with retries. */
  read() {
    this.#readCount += 1;
    return this.#read(String(this.#readCount), undefined);
  }

  /** Read the record once. */
  async #readRecord() {
    this.set(await get(this.#path));
    this.#onConnection(true);
  }

  /**
   * Replace the record, unless the current one is newer.
   * @param {Sweep} sweep
   */
  set(sweep) {
    if (this.sweep && sweep.version < this.sweep.version) return;
    this.sweep = sweep;
    this.#runs = new Map(sweep.runs.map((run) => [run.id, run]));
    for (const [id, epochs] of this.epochs) this.#updateRun(id, epochs);
    this.#onChange();
  }

  /**
   * Apply an epoch event, or schedule a read of the record for any other event.
   * @param {any} event
   */
  #apply(event) {
    if (event.type !== "epoch") return this.#scheduleRead();
    const epochs = this.epochs.get(event.run_id) ?? [];
    epochs.length = event.metrics.epoch; // a run that started again has fewer epochs than before
    epochs.push(event.metrics);
    this.epochs.set(event.run_id, epochs);
    this.#updateRun(event.run_id, epochs);
    this.#onChange();
  }

  /**
   * Update a run from its events, which may be newer than the record.
   * @param {string} id
   * @param {EpochMetrics[]} epochs
   */
  #updateRun(id, epochs) {
    const run = this.#runs.get(id);
    if (!run || epochs.length <= run.epochs_done) return;
    run.epochs_done = epochs.length;
    run.latest_metrics = epochs.at(-1);
  }

  /** Read the record after a short delay. */
  #scheduleRead() {
    if (this.#readScheduled) return;
    this.#readScheduled = true;
    setTimeout(() => {
      this.#readScheduled = false;
      this.read();
    }, READ_DELAY);
  }
}

/**
 * Return true if a status is final.
 * @param {string} status
 */
export const isFinal = (status) => status !== "queued" && status !== "running";

/**
 * Return the number of runs that have ended.
 * @param {Sweep} sweep
 */
export const countEnded = ({ runs }) => runs.filter(({ status }) => isFinal(status)).length;

/**
 * Return runs ordered by scale and seed.
 * @param {any[]} runs
 */
export const sortRuns = (runs) => [...runs].sort((one, other) => one.scale - other.scale || one.seed - other.seed);

/**
 * Return the number of epochs that a run trains. One that has ended early has trained all of its own.
 * @param {any} run
 * @param {number} epochs
 * @returns {number}
 */
export const epochsOf = (run, epochs) => (run.status === "succeeded" ? run.epochs_done : epochs);

/**
 * Return the sum of a number of each run.
 * @param {any[]} runs
 * @param {(run: any) => number} numberOf
 */
export const sum = (runs, numberOf) => runs.reduce((total, run) => total + numberOf(run), 0);

/**
 * Estimate the seconds until a running run ends, from its latest epoch.
 * @param {any} run
 * @param {number} epochs
 * @returns {number | null} null if the run is not running or has no epoch yet.
 */
export const runSecondsLeft = (run, epochs) =>
  run.status === "running" && run.latest_metrics ? (epochs - run.epochs_done) * run.latest_metrics.seconds : null;

/**
 * Estimate the seconds until a sweep ends, from the latest epochs of its running runs.
 * @param {Sweep} sweep
 * @returns {number | null} null if no running run has an epoch yet.
 */
export function sweepSecondsLeft({ runs, config }) {
  const running = runs.filter((run) => run.status === "running" && run.latest_metrics);
  if (!running.length) return null;
  const seconds = sum(running, (run) => run.latest_metrics.seconds);
  const epochs = sum(runs, (run) => (isFinal(run.status) ? 0 : config.epochs - run.epochs_done));
  return (epochs * seconds) / running.length ** 2; // epochs left x mean seconds per epoch / runs at a time
}

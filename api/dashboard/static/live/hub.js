// Event streams of all pages of a browser, which one of the pages receives for all. Over HTTP/1.1, a browser has six
// connections to a service, shared by its pages. With a stream per page, six pages would leave none for other requests.

import { Problem } from "../common/api.js";
import { receive } from "./events.js";

// The URL contains a hash of all modules, so pages of different versions do not share streams.
export const CHANNEL = `noisesweep event streams ${import.meta.url}`;
// Pages that follow the same sweep share a stream. If there are more streams than this, they take turns.
const MAX_STREAMS = 3;
const TURN = 3_000; // ms
// Pages repeat their requests every few seconds. A page that is killed does not say that it leaves.
const PAGE_TIMEOUT = 30_000; // ms

/** @typedef {import("./events.js").Message} Message */
/** @typedef {{page: string, path: string, key: string | null, lastEventId: string}} PageRequest Request of a page for
 *   the events of a path after the last event. `key` is the API key. */
/** @typedef {{hub: string, stream: string, to?: string, messages?: Message[], connected?: boolean | null,
 *   isComplete?: boolean, problem?: {status: number, message: string, errors: any[]}}} Answer Answer to all pages of a
 *   stream, or to the page `to`. */

/**
 * Return the name of a stream. Pages with different API keys do not share one.
 * @param {string | null} key
 * @param {string} path
 */
export const streamName = (key, path) => `${key} ${path}`;

/**
 * Return true if an event is later than another. An id consists of two numbers, and "" precedes all events.
 * @param {string} id
 * @param {string} other
 */
export function isAfter(id, other) {
  const [[time, index], [otherTime, otherIndex]] = [id, other].map((text) => (text || "0-0").split("-").map(Number));
  return time > otherTime || (time === otherTime && index > otherIndex);
}

/** Turns of streams. A turn is an abort controller. It is unlimited unless another stream waits. */
class Turns {
  /** @type {Set<AbortController>} */
  #current = new Set();
  /** @type {((turn: AbortController) => void)[]} */
  #waiting = [];

  /**
   * Wait for a turn.
   * @returns {Promise<AbortController>}
   */
  async begin() {
    if (this.#current.size < MAX_STREAMS) return this.#start();
    for (const turn of this.#current) limit(turn);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * End a turn. The stream that has waited longest gets the next one.
   * @param {AbortController} turn
   */
  end(turn) {
    this.#current.delete(turn);
    this.#waiting.shift()?.(this.#start());
  }

  /** Return a new turn. */
  #start() {
    const turn = new AbortController();
    this.#current.add(turn);
    if (this.#waiting.length) limit(turn);
    return turn;
  }
}

/**
 * Abort a turn after some time.
 * @param {AbortController} turn
 */
const limit = (turn) => setTimeout(() => turn.abort(), TURN);

/** Event stream of a sweep. */
class Stream {
  /** @type {Map<string, number>} Time of the last request of each page. */
  pages = new Map();

  #request;
  #turns;
  #post;
  /** @type {Message[]} All messages after the last event of the request, for pages that are opened later. */
  #messages = [];
  /** @type {boolean | null} Whether the service responds; null if unknown. */
  #connected = null;
  #turn = new AbortController();
  #isRunning = false;

  /**
   * Create a stream without connecting.
   * @param {PageRequest} request The first request.
   * @param {Turns} turns
   * @param {(answer: Partial<Answer>) => void} post Sends an answer to the pages of the stream.
   */
  constructor(request, turns, post) {
    this.#request = request;
    this.#turns = turns;
    this.#post = post;
  }

  /**
   * Answer a request with all messages after its last event. Later messages go to all pages.
   * @param {PageRequest} request
   */
  add({ page, lastEventId }) {
    this.pages.set(page, performance.now());
    if (isAfter(this.#request.lastEventId, lastEventId)) {
      // Start the stream again with earlier events.
      this.#request = { ...this.#request, lastEventId };
      this.#messages = [];
      this.#turn.abort();
    }
    const known = this.#messages.findLastIndex(({ id }) => !isAfter(id, lastEventId));
    this.#post({ to: page, messages: this.#messages.slice(known + 1), connected: this.#connected });
    if (!this.#isRunning) this.#run();
  }

  /**
   * Remove a page. Close the connection after the last one.
   * @param {string} page
   */
  remove(page) {
    this.pages.delete(page);
    if (!this.pages.size) this.close();
  }

  /** Close the connection, and remove all pages. */
  close() {
    this.pages.clear();
    this.#turn.abort();
  }

  /** Receive messages in turns, until the stream is complete or has no pages. */
  async #run() {
    this.#isRunning = true;
    try {
      while (this.pages.size) {
        this.#turn = await this.#turns.begin();
        try {
          if (this.pages.size && (await this.#receive())) this.#end({ isComplete: true });
        } finally {
          this.#turns.end(this.#turn);
        }
      }
    } catch (error) {
      const { status, message, errors } = error instanceof Problem ? error : new Problem(0, String(error));
      this.#end({ problem: { status, message, errors } });
    }
    this.#isRunning = false;
  }

  /**
   * Receive messages until the stream is complete or the turn has ended.
   * @returns {Promise<boolean>} True if the stream is complete.
   */
  #receive() {
    const { path, key, lastEventId } = this.#request;
    return receive(path, {
      key,
      lastEventId: this.#messages.at(-1)?.id ?? lastEventId,
      signal: this.#turn.signal,
      onMessage: (message) => {
        this.#messages.push(message);
        this.#post({ messages: [message] });
      },
      onConnection: (connected) => {
        this.#connected = connected;
        this.#post({ connected });
      },
    });
  }

  /**
   * Send the last answer to all pages, and remove them.
   * @param {Partial<Answer>} answer
   */
  #end(answer) {
    this.#post(answer);
    this.pages.clear();
  }
}

/** The part of a page that receives events for all pages. */
export class Hub {
  #id = crypto.getRandomValues(new Uint32Array(2)).join();
  #channel = new BroadcastChannel(CHANNEL);
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  #turns = new Turns();
  #timer = setInterval(() => this.#removeLostPages(), PAGE_TIMEOUT);

  /** Start to answer the requests of all pages of the browser, including this one. */
  constructor() {
    this.#channel.onmessage = ({ data: { request, leaving } }) => {
      if (request) this.#streamOf(request).add(request);
      if (leaving) for (const stream of this.#streams.values()) stream.remove(leaving);
    };
    this.#channel.postMessage({ newHub: this.#id }); // all pages repeat their requests
  }

  /** Close all connections. */
  close() {
    clearInterval(this.#timer);
    this.#channel.close();
    for (const stream of this.#streams.values()) stream.close();
  }

  /**
   * Return the stream for a request, which may be new.
   * @param {PageRequest} request
   */
  #streamOf(request) {
    const name = streamName(request.key, request.path);
    const post = (/** @type {Partial<Answer>} */ answer) =>
      this.#channel.postMessage({ answer: { hub: this.#id, stream: name, ...answer } });
    const stream = this.#streams.get(name) ?? new Stream(request, this.#turns, post);
    this.#streams.set(name, stream);
    return stream;
  }

  /** Remove pages that have not repeated their request, and streams without pages. */
  #removeLostPages() {
    for (const [name, stream] of this.#streams) {
      for (const [page, seenAt] of stream.pages) if (performance.now() - seenAt > PAGE_TIMEOUT) stream.remove(page);
      if (!stream.pages.size) this.#streams.delete(name);
    }
  }
}

// Events of a sweep in a page. The pages of a browser share their connections: see hub.js.

import { Problem, replaceKey } from "../common/api.js";
import { storedKey } from "../common/key.js";
import { receive } from "./events.js";
import { CHANNEL, Hub, isAfter, streamName } from "./hub.js";

// A page repeats its request, so that the hub knows that the page is alive, and vice versa.
const REFRESH_INTERVAL = 3_000; // ms
const MAX_UNANSWERED = 3;

/**
 * Receive events until the stream is complete or aborted. If the service requires an API key, ask the user for one.
 * Throw a Problem if the service rejects the request with an error that is not transient.
 * @param {string} path
 * @param {{lastEventId: string, onEvent: (event: any) => void, onConnection: (connected: boolean) => void,
 *   signal: AbortSignal}} options
 * @returns {Promise<string>} The id of the last event.
 */
export async function subscribe(path, { lastEventId, onEvent, onConnection, signal }) {
  let last = lastEventId;
  const onMessage = (/** @type {import("./events.js").Message} */ { id, data }) => {
    last = id || last;
    onEvent(JSON.parse(data));
  };
  // Browsers offer locks to pages from https and from this computer only. Other pages do not share connections.
  const receiveEvents = navigator.locks ? receiveShared : receive;
  while (!signal.aborted) {
    const key = storedKey();
    try {
      await receiveEvents(path, { key, lastEventId: last, onMessage, onConnection, signal });
      return last;
    } catch (problem) {
      await replaceKey(key, problem);
    }
  }
  return last;
}

/**
 * Receive messages from the hub until the stream is complete or aborted. This page may be the hub.
 * @param {string} path
 * @param {import("./events.js").Subscription} subscription
 * @returns {Promise<void>}
 */
const receiveShared = (path, { key, lastEventId, onMessage, onConnection, signal }) =>
  new Promise((resolve, reject) => {
    const page = crypto.getRandomValues(new Uint32Array(2)).join();
    const channel = new BroadcastChannel(CHANNEL);
    let [joinedHub, unanswered, handOver] = ["", 0, host()];
    /** @type {boolean | null} */
    let connected = null;
    const refresh = () => {
      unanswered += 1;
      if (unanswered > MAX_UNANSWERED) {
        // The hub does not respond, for example because the browser has frozen its page.
        unanswered = 0;
        handOver();
        handOver = host({ steal: true });
      }
      channel.postMessage({ request: { page, path, key, lastEventId } });
    };
    const timer = setInterval(refresh, REFRESH_INTERVAL * (1 + Math.random() / 4));
    const end = () => {
      clearInterval(timer);
      signal.removeEventListener("abort", end);
      channel.postMessage({ leaving: page });
      channel.close();
      handOver();
      resolve();
    };
    signal.addEventListener("abort", end);
    channel.onmessage = ({ data: { newHub, answer } }) => {
      if (newHub) {
        unanswered = 0;
        refresh();
      }
      if (answer?.stream !== streamName(key, path) || (answer.to && answer.to !== page)) return;
      if (answer.to) [joinedHub, unanswered] = [answer.hub, 0];
      // Messages of another hub may continue with later events than the last one.
      if (answer.hub !== joinedHub) return;
      for (const message of answer.messages ?? []) {
        if (!isAfter(message.id, lastEventId)) continue;
        lastEventId = message.id;
        onMessage(message);
      }
      if ((answer.connected ?? connected) !== connected) {
        connected = answer.connected;
        onConnection(answer.connected);
      }
      if (answer.problem) reject(new Problem(answer.problem.status, answer.problem.message, answer.problem.errors));
      if (answer.problem || answer.isComplete) end();
    };
    refresh();
  });

/**
 * Be the hub of all pages as soon as no other page is it.
 * @param {{steal?: boolean}} options With `steal`, take over from the current hub.
 * @returns {() => void} Hands over to another page.
 */
function host({ steal = false } = {}) {
  const controller = new AbortController();
  const { signal } = controller;
  const isOver = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const run = async () => {
    while (!signal.aborted) {
      /** @type {Hub | null} */
      let hub = null;
      const serve = () => {
        hub = new Hub();
        return isOver;
      };
      // The request is rejected if this page no longer waits, or if another page has taken over.
      await navigator.locks.request(CHANNEL, steal ? { steal } : { signal }, serve).catch(() => {});
      if (!hub) return;
      /** @type {Hub} */ (hub).close();
      steal = false;
    }
  };
  run();
  return () => controller.abort();
}

// One connection for server-sent events. It uses fetch, because EventSource cannot send an API key.

import { Problem, send } from "../common/api.js";
import { INITIAL_DELAY, isTransient, nextDelay, sleep } from "../common/retries.js";

/** @typedef {{id: string, type: string, data: string}} Message */
/** @typedef {{key: string | null, lastEventId: string, onMessage: (message: Message) => void,
 *   onConnection: (connected: boolean) => void, signal: AbortSignal}} Subscription `key` is the API key. Messages after
 *   `lastEventId` are received; "" stands for all. */

// The service sends at least a comment every 15 s. After a longer silence the connection is treated as lost.
const IDLE_TIMEOUT = 40_000; // ms

/**
 * Create an incremental parser of server-sent events. The text may be split at any position.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 * @returns {(text: string) => Message[]} Takes the next piece of text and returns the messages that it completes.
 */
export function createParser() {
  let rest = "";
  let message = { id: "", type: "message", data: /** @type {string[]} */ ([]) };
  return (text) => {
    const messages = [];
    // A carriage return at the end may be the first half of a CRLF, so it waits for the next piece.
    const buffer = rest + text;
    const complete = buffer.endsWith("\r") ? buffer.slice(0, -1) : buffer;
    const lines = complete.split(/\r\n|\n|\r/);
    rest = lines.pop() + buffer.slice(complete.length);
    for (const line of lines) {
      if (line === "") {
        if (message.data.length) messages.push({ ...message, data: message.data.join("\n") });
        message = { id: "", type: "message", data: [] };
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") message.data.push(value);
      else if (field === "event") message.type = value;
      else if (field === "id") message.id = value;
    }
    return messages;
  };
}

/**
 * Receive events until the stream is complete or aborted. Reconnect after the last event when the connection is lost.
 * Throw a Problem if the service rejects the request with an error that is not transient.
 * @param {string} path
 * @param {Subscription} subscription
 * @returns {Promise<boolean>} True if the stream is complete.
 */
export async function receive(path, { key, lastEventId, onMessage, onConnection, signal }) {
  let [last, delay] = [lastEventId, INITIAL_DELAY];
  while (!signal.aborted) {
    const first = last;
    const timeout = startIdleTimeout(signal);
    try {
      const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const response = await send(path, key, { headers, signal: timeout.signal });
      onConnection(true);
      if (response.status === 204) return true;
      for await (const message of readMessages(response, timeout)) {
        if (signal.aborted) return false;
        if (message.type === "closing") break;
        last = message.id || last;
        onMessage(message);
      }
    } catch (error) {
      if (signal.aborted) return false;
      if (error instanceof Problem && !isTransient(error)) throw error;
      onConnection(false);
    } finally {
      timeout.stop();
    }
    delay = last === first ? nextDelay(delay) : INITIAL_DELAY;
    await sleep(delay, signal);
  }
  return false;
}

/**
 * Start a timeout whose signal aborts with `outer`, after `IDLE_TIMEOUT` without a reset, or when stopped.
 * @param {AbortSignal} outer
 */
function startIdleTimeout(outer) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  outer.addEventListener("abort", abort, { once: true });
  let timer = setTimeout(abort, IDLE_TIMEOUT);
  return {
    signal: controller.signal,
    reset() {
      clearTimeout(timer);
      timer = setTimeout(abort, IDLE_TIMEOUT);
    },
    stop() {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
      abort(); // closes the connection, which may still be open after the last event
    },
  };
}

/**
 * Yield the messages of a response as they arrive.
 * @param {Response} response
 * @param {{reset: () => void}} timeout
 * @returns {AsyncGenerator<Message>}
 */
async function* readMessages(response, timeout) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const [decoder, parse] = [new TextDecoder(), createParser()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    timeout.reset();
    yield* parse(decoder.decode(value, { stream: true }));
  }
}

// Server-sent events over fetch, because EventSource cannot bring an API key.

import { ask, Problem } from "./api.js";
import { FIRST_PAUSE, longer, mayPass, wait } from "./retries.js";

/** @typedef {{id: string, type: string, data: string}} Message */

// The service says something every 15 s; after so long of nothing the connection is dead without knowing it.
const SILENCE = 40_000; // ms

/**
 * A reader of the format (https://html.spec.whatwg.org/multipage/server-sent-events.html), wherever its text is cut.
 * @returns {(text: string) => Message[]} Takes the next piece of text and gives the messages that end in it.
 */
export function parser() {
  let rest = "";
  let message = { id: "", type: "message", data: /** @type {string[]} */ ([]) };
  return (text) => {
    const messages = [];
    // A carriage return at the end may be half of a line's end.
    const whole = rest + text;
    const ended = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
    const lines = ended.split(/\r\n|\n|\r/);
    rest = lines.pop() + whole.slice(ended.length);
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
 * Follow events to the end of what there is to tell or until aborted, over as many connections as it takes. Throws
 * Problem where the service refuses for good.
 * @param {string} path
 * @param {{after: string, told: (event: any) => void, connected: (is: boolean) => void, signal: AbortSignal}} options
 * @returns {Promise<string>} The id of the last event.
 */
export async function follow(path, { after, told, connected, signal }) {
  let [last, pause] = [after, FIRST_PAUSE];
  while (!signal.aborted) {
    const begun = last;
    const watched = watch(signal);
    try {
      const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await ask(path, { headers, signal: watched.signal });
      connected(true);
      if (answer.status === 204) return last;
      for await (const message of read(answer, watched)) {
        if (message.type === "closing") break;
        last = message.id || last;
        told(JSON.parse(message.data));
      }
    } catch (error) {
      if (signal.aborted) return last;
      if (error instanceof Problem && !mayPass(error)) throw error;
      connected(false);
    } finally {
      watched.stop();
    }
    pause = last === begun ? longer(pause) : FIRST_PAUSE;
    await wait(pause, signal);
  }
  return last;
}

/** A signal that also aborts after a silence. @param {AbortSignal} outer */
function watch(outer) {
  const controller = new AbortController();
  const give = () => controller.abort();
  outer.addEventListener("abort", give, { once: true });
  let timer = setTimeout(give, SILENCE);
  return {
    signal: controller.signal,
    heard() {
      clearTimeout(timer);
      timer = setTimeout(give, SILENCE);
    },
    stop() {
      clearTimeout(timer);
      outer.removeEventListener("abort", give);
      give(); // of a stream that has said its last, and may still be open
    },
  };
}

/** @param {Response} answer @param {{heard: () => void}} watched @returns {AsyncGenerator<Message>} */
async function* read(answer, watched) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const [decoder, parse] = [new TextDecoder(), parser()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    watched.heard();
    yield* parse(decoder.decode(value, { stream: true }));
  }
}

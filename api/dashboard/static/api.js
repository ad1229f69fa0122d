// The API's public endpoints, asked as any client asks them.

import { askForKey, knownKey } from "./key.js";

// ms; a read that takes so long is one of a connection that is dead without knowing it.
const PATIENCE = 60_000;

/** @typedef {{pointer: string, detail: string}} InvalidField */

/** An answer that is a problem document (RFC 9457), or none at all: then its status is 0. */
export class Problem extends Error {
  /** @param {number} status @param {string} detail @param {InvalidField[]} errors */
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** @typedef {{method?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal,
 *   patience?: number}} Options `patience` with each answer, ms, in place of a signal. */

/**
 * The answer of the API, once a key is there if one is wanted. Throws Problem.
 * @param {string} path
 * @param {Options} options The body is sent as JSON.
 * @returns {Promise<Response>}
 */
export async function ask(path, { method = "GET", body, headers = {}, signal, patience } = {}) {
  for (;;) {
    const key = knownKey();
    const answer = await fetch(path, {
      method,
      signal: patience ? AbortSignal.timeout(patience) : signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(key ? { Authorization: `Bearer ${key}` } : {}),
        ...headers,
      },
    }).catch(unanswered);
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status !== 401) throw problem;
    // Unless another request has brought one meanwhile.
    if (knownKey() === key) await askForKey(key ? problem.message : "Without one it answers nothing.");
  }
}

/** @param {Error} error @returns {never} */
function unanswered(error) {
  if (error.name === "AbortError") throw error;
  throw new Problem(0, "The service does not answer. Is it running, and is this machine still connected?");
}

/** @param {Response} answer */
async function problemOf(answer) {
  const document = await answer.json().catch(() => ({}));
  return new Problem(
    answer.status,
    document.detail ?? `The service answers with ${answer.status}.`,
    document.errors ?? [],
  );
}

/** @param {string} path @returns {Promise<any>} */
export const get = async (path) => (await ask(path, { patience: PATIENCE })).json().catch(unanswered);

/** @param {string} path @param {unknown} [body] @param {Options} options @returns {Promise<any>} */
export const post = async (path, body, options = {}) =>
  (await ask(path, { ...options, method: "POST", body })).json().catch(unanswered);

/** A key by which a POST whose answer is lost can be sent again. It is no secret. */
export const idempotencyKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Let the browser save what the API answers. @param {string} path @param {string} fileName */
export async function download(path, fileName) {
  const address = URL.createObjectURL(await (await ask(path)).blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser reads it after the click
}

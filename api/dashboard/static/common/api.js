// Requests to the public API.

import { askForKey, shareToken, storedKey } from "./key.js";
import { ROOT } from "./root.js";

// Some connections are lost without an error. A timeout on reads detects them.
const READ_TIMEOUT = 60_000; // ms

/** @typedef {{pointer: string, detail: string}} InvalidField */

/** Problem details of a response (RFC 9457). The status is 0 if there was no response. */
export class Problem extends Error {
  /**
   * Create a problem.
   * @param {number} status
   * @param {string} detail
   * @param {InvalidField[]} errors
   */
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** @typedef {{method?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal,
 *   timeout?: number}} Options `timeout` is in ms, applies to each attempt and replaces `signal`. */

/**
 * Send a request. If the service requires an API key, ask the user for one and send the request again.
 * Throw a Problem if it fails.
 * @param {string} path The path below the root path of the service.
 * @param {Options} options The body is sent as JSON, and a Blob as a zip archive.
 * @returns {Promise<Response>}
 */
export async function request(path, { timeout, signal, ...options } = {}) {
  for (;;) {
    const key = storedKey();
    try {
      return await send(path, key, { ...options, signal: timeout ? AbortSignal.timeout(timeout) : signal });
    } catch (problem) {
      await replaceKey(key, problem);
    }
  }
}

/**
 * Send a request once. Throw a Problem if it fails.
 * @param {string} path
 * @param {string | null} key The API key.
 * @param {Options} options The body is sent as JSON, and a Blob as a zip archive.
 * @returns {Promise<Response>}
 */
export async function send(path, key, { method = "GET", body, headers = {}, signal }) {
  const response = await fetch(`${ROOT}${path}`, {
    method,
    signal,
    body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    headers: {
      ...(body === undefined ? {} : { "Content-Type": body instanceof Blob ? "application/zip" : "application/json" }),
      ...(key ? { Authorization: `Bearer ${key}` } : {}),
      ...headers,
    },
  }).catch(throwNetworkProblem);
  if (response.ok) return response;
  throw await readProblem(response);
}

/**
 * Ask the user for another API key if the service has refused this one. Throw any other problem.
 * @param {string | null} key
 * @param {unknown} problem
 */
export async function replaceKey(key, problem) {
  if (!(problem instanceof Problem) || problem.status !== 401 || shareToken) throw problem;
  // Another request may have stored a new key in the meantime.
  if (storedKey() === key) await askForKey(key ? problem.message : "All requests to this service need an API key.");
}

/**
 * Throw a Problem with status 0, or the error itself if the request was aborted.
 * @param {Error} error
 * @returns {never}
 */
function throwNetworkProblem(error) {
  if (error.name === "AbortError") throw error;
  throw new Problem(0, "The service does not respond. Check that it is running and that this computer is online.");
}

/**
 * Return the problem that a response describes.
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
async function readProblem(response) {
  const document = await response.json().catch(() => ({}));
  return new Problem(
    response.status,
    document.detail ?? `The service responded with status ${response.status}.`,
    document.errors ?? [],
  );
}

/**
 * Return the JSON of a GET request.
 * @param {string} path
 * @returns {Promise<any>}
 */
export const get = async (path) => (await request(path, { timeout: READ_TIMEOUT })).json().catch(throwNetworkProblem);

/**
 * Return the JSON of a POST request.
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} options
 * @returns {Promise<any>}
 */
export const post = async (path, body, options = {}) =>
  (await request(path, { ...options, method: "POST", body })).json().catch(throwNetworkProblem);

/**
 * Return a new idempotency key, which makes it safe to repeat a POST whose response was lost.
 * @returns {string}
 */
export const newIdempotencyKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Save a response of the API as a file.
 * @param {string} path
 * @param {string} fileName
 */
export async function download(path, fileName) {
  const url = URL.createObjectURL(await (await request(path)).blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads the URL after the click
}

// Who uses this page: the name and role of the API key, and what they permit.

import { get } from "./api.js";
import { byId, setText } from "./dom.js";
import { retry } from "./retries.js";

/** @typedef {{name: string, role: string}} Caller */

/** @type {Promise<Caller> | null} */
let reading = null;

/**
 * Read who uses this page, and show it in the footer. Without API keys, the name is empty.
 * @returns {Promise<Caller>}
 */
export function readCaller() {
  reading ??= retry(() => get("/whoami")).then((caller) => {
    if (caller.name) setText(byId("caller"), `${caller.name} (${caller.role})`);
    return caller;
  });
  return reading;
}

/**
 * Return whether a caller may submit sweeps.
 * @param {Caller} caller
 * @returns {boolean}
 */
export const maySubmit = ({ role }) => role !== "viewer";

/**
 * Return whether a caller may change a sweep.
 * @param {Caller} caller
 * @param {any} sweep
 * @returns {boolean}
 */
export const mayChange = ({ name, role }, sweep) =>
  ["admin", "instructor"].includes(role) || (role === "member" && sweep.submitter === name);

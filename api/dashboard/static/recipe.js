// A sweep as code that makes it again.

/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * The request of a sweep, without what is the default anyway.
 * @param {any} sweep
 * @param {Record<string, unknown>} defaults
 * @returns {Record<string, unknown>}
 */
export function requestOf(sweep, defaults) {
  const said = {
    ...sweep.config,
    seeds: sweep.seeds,
    name: sweep.name,
    tags: sweep.tags,
    keep_model: sweep.runs.some((/** @type {any} */ run) => run.keep_model),
  };
  return {
    scales: sweep.scales,
    ...Object.fromEntries(Object.entries(said).filter(([name, value]) => !same(value, defaults[name]))),
  };
}

/** @param {unknown} value @returns {string} */
function pythonOf(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(/** @type {object} */ (value))
      .map(([key, each]) => `${pythonOf(key)}: ${pythonOf(each)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value); // a JSON string is a Python string, and a number a number
}

/** @param {Record<string, unknown>} request @param {string} service Its address. @param {boolean} hasKey */
export function python(request, service, hasKey) {
  const url = service === "http://127.0.0.1:8000" ? "" : pythonOf(service);
  const lines = Object.entries(request).map(([name, value]) => `        ${name}=${pythonOf(value)},\n`);
  const key = hasKey ? "# The API key is read from NOISESWEEP_API_KEY.\n" : "";
  return `from noisesweep import NoiseSweep

${key}with NoiseSweep(${url}) as service:
    sweep = service.submit(
${lines.join("")}    )
    sweep.plot("accuracy.png")
`;
}

/** @param {Record<string, unknown>} request @param {string} service @param {boolean} hasKey */
export function curl(request, service, hasKey) {
  const body = JSON.stringify(request).replaceAll("'", "\\u0027"); // within the quotes of a shell
  const key = hasKey ? `  -H "Authorization: Bearer $NOISESWEEP_API_KEY" \\\n` : "";
  return `curl ${service}/sweeps \\\n  -H 'Content-Type: application/json' \\\n${key}  -d '${body}'\n`;
}

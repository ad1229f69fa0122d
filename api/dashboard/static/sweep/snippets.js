// Python and curl code that submits a sweep again, waits for its end and saves its plot.

/**
 * Return the request that submits a sweep again, without the fields that have default values.
 * @param {any} sweep
 * @param {Record<string, unknown>} defaults
 * @returns {Record<string, unknown>}
 */
export function requestOf(sweep, defaults) {
  const { own_dataset: _, ...config } = sweep.config; // the service knows it by the name of the data set
  /** @type {Record<string, unknown>} */
  const fields = {
    ...config,
    seeds: sweep.seeds,
    name: sweep.name,
    tags: sweep.tags,
    keep_model: sweep.runs.some((/** @type {any} */ run) => run.keep_model),
  };
  const isDefault = (/** @type {string} */ name) => JSON.stringify(fields[name]) === JSON.stringify(defaults[name]);
  return { scales: sweep.scales, ...Object.fromEntries(Object.entries(fields).filter(([name]) => !isDefault(name))) };
}

/**
 * Return a JSON value as a Python literal.
 * @param {any} value
 * @returns {string}
 */
function pythonLiteral(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") {
    const items = Object.entries(value).map((item) => item.map(pythonLiteral).join(": "));
    return `{${items.join(", ")}}`;
  }
  return JSON.stringify(value); // JSON strings and numbers are valid Python
}

/**
 * Return Python code that sends a request, waits for the results and saves their plot.
 * @param {Record<string, unknown>} request
 * @param {string} service Base URL of the service.
 * @param {boolean} hasKey
 * @returns {string}
 */
export function pythonSnippet(request, service, hasKey) {
  const url = service === "http://127.0.0.1:8000" ? "" : pythonLiteral(service);
  const lines = Object.entries(request).map(([name, value]) => `        ${name}=${pythonLiteral(value)},\n`);
  const key = hasKey ? "# The API key is read from NOISESWEEP_API_KEY.\n" : "";
  return `from noisesweep import NoiseSweep

${key}with NoiseSweep(${url}) as service:
    sweep = service.submit(
${lines.join("")}    )
    sweep.wait()
    sweep.plot("accuracy.png")
`;
}

/**
 * Return shell commands that send a request with curl, wait for the results and save their plot.
 * @param {Record<string, unknown>} request
 * @param {string} service Base URL of the service.
 * @param {boolean} hasKey
 * @returns {string}
 */
export function curlSnippet(request, service, hasKey) {
  const body = JSON.stringify(request).replaceAll("'", "\\u0027"); // the shell puts it in single quotes
  const curl = `curl -fsS${hasKey ? ` -H "Authorization: Bearer $NOISESWEEP_API_KEY"` : ""}`;
  return `id=$(${curl} ${service}/sweeps -H 'Content-Type: application/json' \\
  -d '${body}' | cut -d '"' -f 4)
# The events end with the sweep.
${curl} --retry 9 ${service}/sweeps/$id/events > /dev/null
${curl} ${service}/sweeps/$id/plot -o accuracy.png
`;
}

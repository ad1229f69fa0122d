// Several sweeps in one picture.

import { download, get } from "./api.js";
import { scaleAxis } from "./axis.js";
import { Chart, curveTrace, lookOf } from "./charts.js";
import { pointsByScale } from "./curves.js";
import { byId, element, fillHead, fillRows, write } from "./dom.js";
import { attempt, messageOf, report } from "./faults.js";
import { isFinal } from "./following.js";
import { Legend } from "./legend.js";
import { paced, repeated } from "./pace.js";
import { mayPass } from "./retries.js";
import { count, nameOf, percent, wordsOfScale } from "./words.js";

const [BUSY_PAUSE, IDLE_PAUSE, FAULT_PAUSE] = [3_000, 60_000, 5_000]; // ms

const ids = [...new Set(new URLSearchParams(location.search).getAll("sweep"))];
const draw = paced(show);
const chart = new Chart(byId("overlay"), draw);
const legend = new Legend(byId("overlay-legend"), draw);
/** @type {Map<string, {sweep: any, summary: any}>} Those that are there, by id. */
const known = new Map();
/** @type {any[]} */
let sweeps = [];
/** @type {any[]} */
let summaries = [];

async function read() {
  const problems = (await Promise.all(ids.map(readOne))).filter(Boolean);
  const there = ids.flatMap((id) => known.get(id) ?? []);
  [sweeps, summaries] = [there.map(({ sweep }) => sweep), there.map(({ summary }) => summary)];
  draw();
  const open = sweeps.filter((sweep) => !isFinal(sweep.status)).length;
  const words = [open && `${open} of ${count(sweeps.length, "sweep")} still to end.`, ...problems.map(messageOf)];
  write(byId("compared-status"), [...new Set(words)].filter(Boolean).join(" "));
  if (problems.some(mayPass)) return FAULT_PAUSE;
  return open ? BUSY_PAUSE : IDLE_PAUSE;
}

/** Read a sweep and its summary. @param {string} id @returns {Promise<unknown>} What is wrong, if anything is. */
async function readOne(id) {
  const path = `/sweeps/${encodeURIComponent(id)}`;
  try {
    const [sweep, summary] = await Promise.all([get(path), get(`${path}/summary`)]);
    known.set(id, { sweep, summary });
  } catch (problem) {
    if (!mayPass(problem)) known.delete(id);
    return problem;
  }
}

/** What tells sweeps apart: their names, and their ids where these are the same. @param {any} sweep */
const labelOf = (sweep) =>
  sweeps.filter((other) => nameOf(other) === nameOf(sweep)).length > 1
    ? `${nameOf(sweep)} (${sweep.id})`
    : nameOf(sweep);

function show() {
  for (const id of ["overlay-section", "differences-section", "values-section"]) byId(id).hidden = !sweeps.length;
  if (!sweeps.length) return;
  showChart();
  showDifferences();
  showValues();
}

function showChart() {
  const axis = scaleAxis(
    sweeps.flatMap((sweep) => sweep.scales),
    byId("log").checked,
  );
  const traces = sweeps.map((sweep, place) => {
    const points = pointsByScale(sweep.runs);
    const figures = new Map(summaries[place].scales.map((/** @type {any} */ each) => [each.scale, each.val_accuracy]));
    return curveTrace({
      name: labelOf(sweep),
      look: lookOf(place),
      x: points.map((point) => axis.place(point.scale)),
      y: points.map((point) => point.val_accuracy),
      labels: points.map((point) => `scale ${wordsOfScale(point.scale)}`),
      done: points.map((point) => point.done),
      intervals: points.map((point) => /** @type {any} */ (point.done ? figures.get(point.scale) : undefined)),
      hidden: legend.hides(sweep.id),
    });
  });
  legend.show(sweeps.map((sweep, place) => ({ key: sweep.id, name: labelOf(sweep), colour: lookOf(place).colour })));
  chart.show(traces, {
    xaxis: axis.layout,
    title: "noise scale",
    words: "Validation accuracy against scale, a curve for each sweep; the table below has its figures.",
  });
  const several = sweeps.some((sweep) => sweep.seeds.length > 1);
  const hollow = sweeps.some((sweep) => sweep.status !== "succeeded");
  write(
    byId("overlay-note"),
    [several && "Mean over seeds, with 95 % intervals.", hollow && "Hollow: not all runs at that scale have succeeded."]
      .filter(Boolean)
      .join(" "),
  );
}

function showDifferences() {
  const settings = sweeps.map((sweep) => ({ ...sweep.config, seeds: sweep.seeds.join(", "), status: sweep.status }));
  const names = Object.keys(settings[0]).filter(
    (name) => new Set(settings.map((each) => JSON.stringify(each[name]))).size > 1,
  );
  const table = byId("differences");
  fillHead(table, ["Sweep", ...names.map((name) => name.replaceAll("_", " "))]);
  const words = (/** @type {any} */ value) => (Array.isArray(value) ? value.join(", ") : String(value));
  fillRows(
    table,
    sweeps.map((sweep, place) => [link(sweep), ...names.map((name) => words(settings[place][name]))]),
  );
}

function showValues() {
  const curves = sweeps.map(
    (sweep) => new Map(pointsByScale(sweep.runs).map((point) => [point.scale, point.val_accuracy])),
  );
  const scales = [...new Set(sweeps.flatMap((sweep) => sweep.scales))].sort((one, other) => one - other);
  const table = byId("values");
  fillHead(table, ["Scale", ...sweeps.map(labelOf)]);
  fillRows(
    table,
    scales.map((scale) => [wordsOfScale(scale), ...curves.map((curve) => percent(curve.get(scale)))]),
  );
}

/** @param {any} sweep */
const link = (sweep) => element("a", { href: `/ui/sweeps/${sweep.id}` }, labelOf(sweep));

byId("log").addEventListener("change", draw);
for (const format of ["png", "svg"]) {
  const query = () =>
    new URLSearchParams([...sweeps.map(({ id }) => ["sweep", id]), ["format", format], ["log", byId("log").checked]]);
  byId(format).addEventListener("click", () =>
    attempt(() => download(`/plots/compare?${query()}`, `comparison.${format}`)),
  );
}
if (ids.length) {
  repeated(read)();
  chart.load().catch(report);
} else {
  byId("compared-status").replaceChildren(
    "Nothing to compare: tick sweeps in ",
    element("a", { href: "/ui" }, "the list"),
    ".",
  );
}

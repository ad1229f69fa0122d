// From runs to curves: what is drawn, apart from the drawing.

/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param {any[]} runs @returns {Map<number, any[]>} By scale, ascending. */
export function runsByScale(runs) {
  const groups = new Map();
  for (const run of [...runs].sort((one, other) => one.scale - other.scale)) {
    groups.set(run.scale, [...(groups.get(run.scale) ?? []), run]);
  }
  return groups;
}

/**
 * Accuracy against scale as far as it is known: of each run the last epoch, of each scale the mean over its runs.
 * @param {any[]} runs
 * @returns {{scale: number, accuracy: number, val_accuracy: number, done: boolean}[]} `done` where all have succeeded.
 */
export function pointsByScale(runs) {
  return [...runsByScale(runs)].flatMap(([scale, group]) => {
    const measured = group.filter((run) => run.latest_metrics);
    if (!measured.length) return [];
    return [
      {
        scale,
        accuracy: mean(measured.map((run) => run.latest_metrics.accuracy)),
        val_accuracy: mean(measured.map((run) => run.latest_metrics.val_accuracy)),
        done: group.every((run) => run.status === "succeeded"),
      },
    ];
  });
}

/**
 * One side of the accuracy against the epoch, a curve for each scale: the mean over the runs that have come so far.
 * @param {any[]} runs
 * @param {Map<string, any[]>} epochs By the run's id.
 * @param {"accuracy" | "val_accuracy"} side
 * @returns {{scale: number, values: number[]}[]}
 */
export function curvesByEpoch(runs, epochs, side) {
  return [...runsByScale(runs)].map(([scale, group]) => {
    const known = group.map((run) => epochs.get(run.id) ?? []);
    const length = Math.max(...known.map((metrics) => metrics.length));
    const values = Array.from({ length }, (_, epoch) =>
      mean(known.filter((metrics) => metrics[epoch]).map((metrics) => metrics[epoch][side])),
    );
    return { scale, values };
  });
}

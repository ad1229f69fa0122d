// Numbers and times as people read them.

/** @param {number | null | undefined} fraction */
export const percent = (fraction) =>
  fraction === null || fraction === undefined ? "" : `${(100 * fraction).toFixed(1)} %`;

/** A difference of fractions, in percentage points. @param {number | null | undefined} fraction */
export const points = (fraction) =>
  fraction === null || fraction === undefined ? "" : `${(100 * fraction).toFixed(1)}`.replace("-", "−");

/** A scale in as few characters as tell it, and the word for none. @param {number} scale */
export const wordsOfScale = (scale) => (scale === 0 ? "clean" : shortest(scale));

/** @param {number} number */
export const shortest = (number) => String(Number(number.toPrecision(6)));

/** @param {number} count @param {string} noun */
export const count = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** How long something takes, to what can be known of it. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return hours < 48 ? `${hours.toFixed(hours < 10 ? 1 : 0)} h` : `${Math.round(hours / 24)} days`;
}

const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const before = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A time of the API in the reader's own. @param {string} iso */
export function moment(iso) {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? `today, ${today.format(at)}` : before.format(at);
}

/** What people call a device. @param {string} device */
export const deviceName = (device) => ({ cpu: "CPU", gpu: "GPU", metal: "Metal" })[device] ?? device;

/** What a sweep is called. @param {{id: string, name: string | null}} sweep */
export const nameOf = (sweep) => sweep.name ?? `Sweep ${sweep.id}`;

/** The grid and the config in a line. @param {any} sweep */
export function gridOf(sweep) {
  const sorted = [...sweep.scales].sort((one, other) => one - other).map(wordsOfScale);
  const scales = sorted.length > 6 ? `${sorted[0]} to ${sorted.at(-1)}` : sorted.join(", ");
  return [
    sweep.config.dataset,
    `${count(sweep.scales.length, "scale")} (${scales})`,
    count(sweep.seeds.length, "seed"),
    count(sweep.config.epochs, "epoch"),
    ...(sweep.config.noise_on === "both"
      ? []
      : [`noise on ${sweep.config.noise_on === "train" ? "training" : "validation"} images alone`]),
    ...(sweep.config.clip ? ["clipped"] : []),
    ...(sweep.config.resample ? ["new noise in every epoch"] : []),
  ].join(" · ");
}

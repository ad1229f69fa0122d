// Throttled drawing and polling. Both pause while the page is hidden.

const MIN_INTERVAL = 250; // ms
// After a drawing of t ms, the next one starts no sooner than 25 t later: drawing takes at most 4 % of the time.
const INTERVAL_PER_DRAWING = 25;

/**
 * Limit how often `draw` runs.
 * @param {() => void} draw
 * @returns {() => void} Requests a drawing. Requests before the next drawing are merged.
 */
export function throttle(draw) {
  let [requested, notBefore, previousDuration] = [false, 0, 0];
  const frame = () => {
    const now = performance.now();
    if (document.hidden) return; // the listener below requests a frame when the page is visible
    if (now < notBefore) return void setTimeout(() => requestAnimationFrame(frame), notBefore - now);
    requested = false;
    draw();
    const duration = performance.now() - now;
    // The shorter of the last two counts, because the first drawing builds the page and takes longer than an update.
    notBefore = now + Math.max(MIN_INTERVAL, INTERVAL_PER_DRAWING * Math.min(duration, previousDuration));
    previousDuration = duration;
  };
  document.addEventListener("visibilitychange", () => {
    if (requested && !document.hidden) requestAnimationFrame(frame);
  });
  return () => {
    if (requested) return;
    requested = true;
    requestAnimationFrame(frame);
  };
}

/**
 * Create a poller, which runs `work` repeatedly while the page is visible.
 * @param {() => Promise<number>} work Returns the delay before the next run, ms.
 * @returns {() => Promise<void>} Starts the poller. Later calls run `work` immediately.
 */
export function createPoller(work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let latest = 0;
  const run = async () => {
    clearTimeout(timer);
    const current = ++latest;
    const delay = await work();
    if (current === latest) timer = setTimeout(() => void (document.hidden || run()), delay);
  };
  document.addEventListener("visibilitychange", () => void (document.hidden || run()));
  return run;
}

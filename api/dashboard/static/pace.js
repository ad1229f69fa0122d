// When to draw: seldom enough to leave the processor to others, and not at all where nobody looks.

const LEAST_PAUSE = 250; // ms
// A drawing that takes t is not done again before 25 t have passed: 40 ms of each second.
const PAUSES_PER_DRAWING = 25;

/**
 * Let a drawing be asked for as often as anybody likes, and be done as often as is good.
 * @param {() => void} draw
 * @returns {() => void} Asks for it.
 */
export function paced(draw) {
  let [wanted, notBefore, tookBefore] = [false, 0, 0];
  const frame = () => {
    const now = performance.now();
    if (document.hidden) return; // asked again when the page is seen
    if (now < notBefore) return void setTimeout(() => requestAnimationFrame(frame), notBefore - now);
    wanted = false;
    draw();
    const took = performance.now() - now;
    // Of two the lesser: the one that builds what others only change says nothing of them.
    notBefore = now + Math.max(LEAST_PAUSE, PAUSES_PER_DRAWING * Math.min(took, tookBefore));
    tookBefore = took;
  };
  document.addEventListener("visibilitychange", () => {
    if (wanted && !document.hidden) requestAnimationFrame(frame);
  });
  return () => {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(frame);
  };
}

/**
 * Do something now and then again, while the page is seen: after each time it says in how many ms.
 * @param {() => Promise<number>} work
 * @returns {() => Promise<void>} Does it at once.
 */
export function repeated(work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let turn = 0;
  const round = async () => {
    clearTimeout(timer);
    const mine = ++turn;
    const pause = await work();
    if (mine === turn) timer = setTimeout(() => void (document.hidden || round()), pause);
  };
  document.addEventListener("visibilitychange", () => void (document.hidden || round()));
  return round;
}

/** Reports pauses of the process that loads it, so that a breach can be told from a machine that stood still. Preloaded into every child. */

export interface Pause {
  /** Unix ms at which the process last ran before the pause. */
  readonly from: number;
  readonly ms: number;
  /** How much further the wall clock moved than the monotonic one: a suspended machine, or a clock that was set. */
  readonly clockJumpMs: number;
}

const tickMs = 50;
const longMs = 500;

/** Calls `report` after each pause of this process of half a second or more. */
export function watchPauses(report: (pause: Pause) => void): Disposable {
  let wall = Date.now();
  let steady = performance.now();
  const timer = setInterval(() => {
    const [wallNow, steadyNow] = [Date.now(), performance.now()];
    const clockJumpMs = Math.round(wallNow - wall - (steadyNow - steady));
    const ms = Math.round(Math.max(wallNow - wall, steadyNow - steady));
    if (ms >= longMs) report({ from: wall, ms, clockJumpMs });
    [wall, steady] = [wallNow, steadyNow];
  }, tickMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

if (process.send !== undefined) watchPauses((pause) => void process.send?.({ pause }));

/** Runs `sweep` every `everyMs` from `wake` until it returns false: one timer for all deadlines. */
export function createSweep(everyMs: number, sweep: (now: number) => boolean, now: () => number): { wake(): void; stop(): void } {
  let timer: ReturnType<typeof setInterval> | undefined;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const turn = (): void => {
    if (!sweep(now())) stop();
  };
  return {
    wake() {
      timer ??= setInterval(turn, everyMs);
    },
    stop,
  };
}

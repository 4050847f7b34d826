import { createSweep } from '../middleware/deadline-timer.ts';
import type { RunningCall, RunningCalls } from './server-parts.ts';

const sweepMs = 25;

export function createRunningCalls(now: () => number, onExpired: (call: RunningCall) => void): RunningCalls {
  const calls: RunningCall[] = [];
  const sweep = createSweep(sweepMs, expire, now);
  let idle: PromiseWithResolvers<void> | undefined;

  function expire(at: number): boolean {
    let isWaiting = false;
    for (let place = calls.length - 1; place >= 0; place -= 1) {
      const call = calls[place] as RunningCall;
      if (call.over) continue; // answered, but its handler still runs
      if (call.deadlineAt > at) isWaiting = true;
      else onExpired(call);
    }
    return isWaiting;
  }
  return {
    add(call) {
      call.place = calls.push(call) - 1;
      sweep.wake();
    },
    remove(call) {
      const { place } = call;
      const last = calls.pop() as RunningCall;
      if (last !== call) {
        calls[place] = last;
        last.place = place;
      }
      if (calls.length === 0) idle?.resolve();
    },
    list: () => [...calls],
    async idle() {
      if (calls.length === 0) return;
      idle ??= Promise.withResolvers();
      await idle.promise;
    },
    stop: sweep.stop,
  };
}

import type { Http } from './deps.ts';

/** At most `most` requests of one connection in this process at a time; the others wait in order of arrival. */
export function concurrentHttp(http: Http, most: number): Http {
  let running = 0;
  const waiting = new Set<() => void>();
  /** True if the place of a finished request was handed over, false if the caller left. */
  const turn = (signal: AbortSignal): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onAbort = () => {
      waiting.delete(onTurn);
      resolve(false);
    };
    const onTurn = () => {
      signal.removeEventListener('abort', onAbort);
      resolve(true);
    };
    waiting.add(onTurn);
    signal.addEventListener('abort', onAbort, { once: true });
    return promise;
  };
  return async (request) => {
    if (running < most) running += 1;
    // `http` refuses an aborted request itself, with the right error.
    else if (request.signal.aborted || !(await turn(request.signal))) return http(request);
    try {
      return await http(request);
    } finally {
      const [next] = waiting;
      if (next === undefined) running -= 1;
      else {
        waiting.delete(next);
        next();
      }
    }
  };
}

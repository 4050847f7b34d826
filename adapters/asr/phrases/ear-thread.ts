import { Worker } from 'node:worker_threads';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Match } from './matcher.ts';
import type { Answer, Order, Question } from './worker.ts';

export interface EarThread {
  /** @throws PolybError unavailable if the thread cannot work or dies; the next order starts a new one, which has learned nothing. */
  order(order: Order, signal: AbortSignal): Promise<Match | null>;
  /** Starts the thread, so that the first order does not wait for it. */
  open(): void;
  /** Changes when a thread ends and everything it learned is lost. */
  readonly generation: number;
  close(): Promise<void>;
}
/** The same file for type-stripped source and for a compiled package. */
const workerFile = new URL(`./worker.${/\.js(?:\?|$)/.test(import.meta.url) ? 'js' : 'ts'}`, import.meta.url);
const maxHeapMb = 512;

/** Starts no thread before the first order or `open`. @param file another script for the thread */
export function createEarThread(file: URL = workerFile): EarThread {
  let worker: Worker | null = null;
  let generation = 0;
  let last = 0;
  const waiting = new Map<number, PromiseWithResolvers<Match | null>>();

  const die = (dead: Worker, why: string): void => {
    if (worker !== dead) return;
    worker = null;
    generation += 1;
    for (const { reject } of waiting.values()) reject(unable(why));
    waiting.clear();
  };
  const start = (): Worker => {
    const started = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } });
    started.unref(); // each caller has its own deadline
    started.on('message', (answer: Answer) => {
      const one = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('failed' in answer) one?.reject(unable(answer.failed));
      else one?.resolve(answer.match);
    });
    started.on('error', (error) => die(started, (error as Error).message));
    started.on('exit', () => die(started, 'its thread has ended'));
    return started;
  };
  return {
    get generation() {
      return generation;
    },
    open() {
      worker ??= start();
    },
    async order(order, signal) {
      signal.throwIfAborted();
      worker ??= start();
      last += 1;
      const answer = Promise.withResolvers<Match | null>();
      waiting.set(last, answer);
      worker.postMessage({ ...order, id: last } satisfies Question);
      const leave = (): void => answer.reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await answer.promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    async close() {
      const ended = worker;
      if (ended === null) return;
      die(ended, 'it was closed');
      await ended.terminate();
    },
  };
}

function unable(why: string): PolybError {
  return new PolybError('unavailable', `The ear "phrases" cannot hear: ${why}.`);
}

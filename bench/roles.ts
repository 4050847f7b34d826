/** Processes of a benchmark: each plays one role and answers orders over its fork channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

export interface Role {
  ask<Answer>(order: string, given?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}
type Orders = Readonly<Record<string, (given: never) => Promise<unknown>>>;

/** Starts `file` with `args` as a role; resolves when it plays. */
export async function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Role> {
  const child: ChildProcess = fork(file, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let last = 0;
  const answers = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  child.on('message', ({ id, value, error }: { id: number; value: unknown; error?: string }) => {
    const waiting = answers.get(id);
    answers.delete(id);
    if (error === undefined) waiting?.resolve(value as never);
    else waiting?.reject(new Error(error));
  });
  child.once('exit', (code) => {
    for (const { reject } of answers.values()) reject(new Error(`the role ${args.join(' ')} ended with ${code}`));
  });
  const ask = <Answer>(order: string, given?: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      last += 1;
      answers.set(last, { resolve, reject });
      child.send({ id: last, order, given });
    });
  await ask('ready');
  return {
    ask,
    async stop() {
      if (child.exitCode !== null) return;
      child.disconnect();
      await Promise.race([once(child, 'exit'), delay(3_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
    },
  };
}

/** In the child: answers orders until the parent is gone. Every role knows `ready` and `cpu` (µs used since the start). */
export function play(orders: Orders): void {
  const all: Orders = {
    ...orders,
    ready: async () => true,
    cpu: async () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  };
  process.on('message', async ({ id, order, given }: { id: number; order: string; given: never }) => {
    try {
      process.send?.({ id, value: await all[order]?.(given) });
    } catch (error) {
      process.send?.({ id, error: Error.isError(error) ? error.stack : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

export interface Load {
  readonly calls: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}
/** `concurrency` callers, each with one call at a time, for `ms`. */
export async function load(call: () => Promise<unknown>, { concurrency, ms }: { concurrency: number; ms: number }): Promise<Load> {
  const took: number[] = [];
  const began = performance.now();
  const end = began + ms;
  let calls = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let at = performance.now(); at < end; at = performance.now()) {
        await call();
        calls += 1;
        if (calls % 7 === 0) took.push(performance.now() - at);
      }
    }),
  );
  const sorted = took.sort((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1_000);
  return { calls, perSecond: Math.round((calls / (performance.now() - began)) * 1_000), p50Us: at(0.5), p99Us: at(0.99) };
}
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
/** The same clock in all processes of this machine. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

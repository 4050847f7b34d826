/** What a fault test works in: the ground, the provider, and workers with leases of a quarter of the usual. */
import { join } from 'node:path';
import type { z } from 'zod';
import type { Child } from './child.ts';
import { type Ground, linesOf, openGround } from './ground.ts';
import { Effect, type Order, type ProviderSetup } from './provider.ts';
import type { RunOptions } from './test.ts';
import type { WorkerSetup } from './worker.ts';

const pace = { leaseMs: 2_000, renewMs: 500, idleMs: 150 };
const provider = { lagMs: 800, slowMs: 1_500, thinkMs: 60, httpMs: 1_000 };
const settleMs = pace.leaseMs + provider.lagMs + provider.slowMs + provider.thinkMs + provider.httpMs + 1_000;
/** The longest pause that settle and lease cover. */
export const pauseLimitMs = pace.leaseMs + settleMs;
/** The longest freeze that settle and lease cover. */
export const freezeMs = 4_500;
/** A freeze that outlasts both: an attempt that wakes from it must not send any more. */
export const longFreezeMs = pauseLimitMs + 2_000;

export interface Lab extends Ground {
  readonly provider: Child;
  startWorker(over?: Partial<z.input<typeof WorkerSetup>>): Promise<Child>;
  /** Every effect that the provider has accepted. */
  effects(): readonly z.output<typeof Effect>[];
  order(order: z.input<typeof Order>): void;
}

export async function openLab({
  seed,
  faults = 0,
  thinkMs = 0,
  ...options
}: Pick<RunOptions, 'seed' | 'signal' | 'database' | 'evidence'> & {
  /** Share of the provider's answers that go wrong. */
  readonly faults?: number;
  /** Longest time that the provider takes before it acts, and again before it answers. */
  readonly thinkMs?: number;
}): Promise<Lab> {
  const ground = await openGround(options);
  const { natsUrl, databaseUrl } = ground;
  const file = join(ground.dir, 'effects.jsonl');
  const setup: z.input<typeof ProviderSetup> = { file, natsUrl, seed, faults, thinkMs, lagMs: provider.lagMs, slowMs: provider.slowMs };
  try {
    const outside = await ground.start({ file: './provider.ts', args: [JSON.stringify(setup)] });
    return {
      ...ground,
      provider: outside,
      startWorker(over = {}) {
        const worker: z.input<typeof WorkerSetup> = {
          natsUrl,
          databaseUrl,
          providerUrl: String(outside.told),
          settleMs,
          httpMs: provider.httpMs,
          pace,
          clockSkewMs: 250,
          off: [],
          ...over,
        };
        return ground.start({ file: './worker.ts', args: [JSON.stringify(worker)] });
      },
      effects: () => linesOf(file).map((line) => Effect.parse(JSON.parse(line))),
      order: (order) => outside.send(order),
    };
  } catch (error) {
    await ground[Symbol.asyncDispose]();
    throw error;
  }
}

/** A process that hosts the tormented services. Run by `lab.ts`. */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Deps } from '../../adapters/deps.ts';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Context, type Handler, service } from '../../bus/service.ts';
import { journal } from '../../contracts/journal.ts';
import { uncounted } from '../../contracts/kit/metric.ts';
import { journalHandlers } from '../../services/journal/handlers.ts';
import { type Delivery, delivery, deliverySettings, type Gate } from './delivery.ts';
import { breaking } from './handler-faults.ts';
import { hosted } from './hosted.ts';
import { deliver, faults, forms, type Policy, work } from './work.ts';

export const WorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  providerUrl: z.string(),
  settleMs: z.number(),
  httpMs: z.number(),
  pace: z.object({ leaseMs: z.number(), renewMs: z.number(), idleMs: z.number() }),
  clockSkewMs: z.number(),
  /** Protections taken off: an effect served as if it might run again; an exit instead of a drain. */
  off: z.array(z.enum(['effect', 'drain'])),
});
/** What the runner asks of a worker: to stop or kill itself at the gate of its next attempt, or to tell whether it is sound. */
export const WorkerOrder = z.union([z.object({ atGate: z.enum(['SIGSTOP', 'SIGKILL']) }), z.object({ report: z.literal(true) })]);
export const AtGate = z.object({ atGate: z.object({ pid: z.int() }) });
export const Report = z.object({ report: z.object({ polluted: z.boolean(), longestStallMs: z.number(), rssMb: z.number() }) });

let armed: 'SIGSTOP' | 'SIGKILL' | undefined;
const gate: Gate = {
  async pass() {
    const signal = armed;
    if (signal === undefined) return;
    armed = undefined;
    await new Promise((sent) => process.send?.({ atGate: { pid: process.pid } }, sent));
    process.kill(process.pid, signal);
  },
};

function tormented(off: readonly string[]) {
  return service({
    serves: { fault_work: work, fault_faults: faults, fault_forms: forms, journal },
    settings: z.object({}),
    vendors: { provider: { setting: 'DELIVERY_KIND', fallback: 'provider', catalogue } },
  }).start(async ({ vendors: { provider }, db }) => {
    const begin = async ({ item }: { readonly item: string }, { signal }: Context): Promise<{ pid: number }> => {
      await provider.begun(item, Date.now(), signal);
      return { pid: process.pid };
    };
    const by = off.includes('effect') ? asFunctions(provider) : provider.effects;
    return {
      fault_work: {
        deliver_reviewed: by.reviewed,
        deliver_looked_up: by.looked_up,
        deliver_claimed: by.claimed,
        submit: async ({ policy, item, body }, { commit }) =>
          commit(async (tx) => {
            tx.send(deliver[policy], { item, body }, { key: item });
            return { accepted: true as const };
          }),
        begin,
        keep: begin,
        think: async ({ ms, nth }) => {
          await delay(ms);
          return { nth, pid: process.pid };
        },
      },
      fault_faults: breaking,
      fault_forms: {
        note: async ({ title }) => ({ title }),
        store: async ({ title }) => ({ title }),
        upload: async ({ bytes }) => ({ size: bytes.length }),
      },
      journal: journalHandlers({ desk: journalAdmin(db), metrics: uncounted, announce: () => {}, now: Date.now }),
    };
  });
}
const catalogue = {
  provider: {
    settings: deliverySettings,
    create: (options: z.output<typeof deliverySettings>, { http }: Pick<Deps, 'http'>) => delivery(options, { http, gate }),
  },
};
/** The naive retry: the journal is told that these may simply run again. */
function asFunctions({ effects }: Delivery): Readonly<Record<Policy, Handler<(typeof deliver)[Policy]>>> {
  const again: Handler<(typeof deliver)[Policy]> = (input, { signal }) => effects.looked_up.attempt(input, { ref: randomUUID(), signal });
  return { reviewed: again, looked_up: again, claimed: again };
}

async function main(): Promise<void> {
  const setup = WorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const { bus, stop } = await hosted('fault-worker', tormented(setup.off), {
    natsUrl: setup.natsUrl,
    databaseUrl: setup.databaseUrl,
    settings: {
      PROVIDER_URL: setup.providerUrl,
      DELIVERY_SETTLE_MS: String(setup.settleMs),
      DELIVERY_HTTP_MS: String(setup.httpMs),
    },
    allowPrivate: [setup.providerUrl],
    pace: setup.pace,
    clockSkewMs: setup.clockSkewMs,
  });
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  stalls.enable();

  const leave = async (): Promise<void> => {
    if (setup.off.includes('drain')) process.exit(0);
    await stop(10_000);
    process.exit(0);
  };
  process.on('SIGTERM', () => void leave());
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    const order = WorkerOrder.parse(message);
    if ('atGate' in order) {
      armed = order.atGate;
      return;
    }
    const report = {
      polluted: 'polluted' in {},
      longestStallMs: Math.round(stalls.max / 1e6),
      rssMb: Math.round(process.memoryUsage.rss() / 1e6),
    };
    stalls.reset();
    process.send?.({ report });
  });
  process.send?.({ ready: bus.instance });
}

if (import.meta.main) await main();

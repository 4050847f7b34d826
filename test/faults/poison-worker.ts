/** A process that hosts work which ends or stalls it. Run by `t20-poison.ts` and `t21-cancel-retry.ts`. */
import { z } from 'zod';
import { memoryCache } from '../../adapters/cache/memory.ts';
import { openStore } from '../../adapters/store/index.ts';
import { pipeline } from '../../bus/durable/pipeline.ts';
import { loop, on, service } from '../../bus/service.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { read } from '../../config/read.ts';
import { review } from '../../contracts/kit/define.ts';
import { host } from '../../runtime/host.ts';
import { createLog } from '../../runtime/log.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../../runtime/services.ts';
import { type Harm, poison } from './poison.ts';

export const PoisonSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  pace: z.object({ leaseMs: z.number(), renewMs: z.number(), idleMs: z.number() }),
  /** How long a stall holds the event loop. */
  stallMs: z.number(),
  /** A loop of one process of all, whose turns end it. */
  hasPoisonLoop: z.boolean(),
});

const setup = PoisonSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
/** What a regular expression that backtracks, or a parser that runs out of memory, does to its process. */
function suffer(harm: Harm): void {
  if (harm === 'crash') process.exit(7);
  if (harm === 'stall') for (const until = performance.now() + setup.stallMs; performance.now() < until; );
}

const poisoned = service({ serves: { fault_poison: poison }, settings: z.object({}) }).start(async () => ({
  fault_poison: {
    digest: async ({ item, harm }) => {
      suffer(harm);
      return { item };
    },
    submit: async ({ as, ...work }, { commit }) =>
      commit(async (tx) => {
        if (as === 'send') tx.send(poison.digest, work, { key: `sent ${work.item}` });
        else tx.emit(poison.happened, work);
        return { item: work.item };
      }),
    ask: { attempt: async ({ item }) => ({ item }), onUnknown: review },
    flow: pipeline(poison.flow)
      .step('digested', poison.digest, ({ input: { item, harm } }) => ({ item, harm }))
      .output(({ digested }) => digested),
    patience: pipeline(poison.patience)
      .step('digested', poison.digest, ({ input: { item, harm } }) => ({ item, harm }))
      .step('allowed', poison.ask, ({ input: { item, harm } }) => ({ item, harm }))
      .waitFor('told', poison.told, ({ input }) => input.item, { timeoutMs: 600_000 })
      .delay('rest', 50)
      .output(({ input: { item } }) => ({ item })),
  },
  on: [
    on(poison.happened, async ({ item, harm }, tx) => {
      suffer(harm);
      await tx.query('insert into fault_handled (item) values ($1)', [item]);
    }),
  ],
  loops: setup.hasPoisonLoop
    ? [
        loop('poison', { idleMs: 1_000, only: 'poison' }, async () => {
          suffer('crash');
          return 'idle';
        }),
      ]
    : [],
}));

const log = createLog({ level: process.env.FAULTS_VERBOSE || 'silent', service: 'fault-poison', to: process.stderr });
const store = openStore({ url: setup.databaseUrl, name: 'fault-poison', log, connections: 12 });
const transport = await connectNats({
  servers: setup.natsUrl,
  name: 'fault-poison',
  inboxUser: 'fault-poison',
  log,
  patient: true,
  signal: AbortSignal.timeout(25_000),
});
const loaded = { folder: 'fault-poison', service: poisoned };
const hosted = await host({
  loaded,
  settings: read(flatGroups(groupsOf(loaded)), () => undefined),
  transport,
  store,
  cache: memoryCache({ now: Date.now }),
  secretKey: secretKeyFrom(undefined),
  log,
  prefix: 'polyb',
  clockSkewMs: 250,
  keepDays: 30,
  blankAfterDays: 7,
  allowPrivate: [],
  pace: setup.pace,
});
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  const { tell } = message as { tell: string };
  void hosted.bus.commit(async (tx) => tx.emit(poison.told, { item: tell }));
});
process.send?.({ ready: hosted.bus.instance });

/** A service that tells whatever it knows: every kind of handler throws phones, credentials and the name of its customer. Run by T18 with the seed and three addresses. */
import { z } from 'zod';
import { memoryCache } from '../../adapters/cache/memory.ts';
import { openStore } from '../../adapters/store/index.ts';
import { loop, on, service } from '../../bus/service.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { read } from '../../config/read.ts';
import { PersonName, PersonText, Phone } from '../../contracts/common.ts';
import { contract, event, method, review, stream } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { host } from '../../runtime/host.ts';
import { createLog } from '../../runtime/log.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../../runtime/services.ts';
import { type Canaries, canariesOf } from './canaries.ts';

export const leakForms = ['message', 'cause', 'nested', 'polyb', 'data', 'evidence', 'text', 'definite', 'none'] as const;
const Asked = z.strictObject({
  form: z.enum(leakForms),
  /** Of the canary that is thrown; the service makes the same ones. */
  nth: z.int().min(0),
  name: PersonName,
  phone: Phone.optional(),
  words: PersonText.optional(),
  /** Not declared as personal. */
  note: z.string().max(300).optional(),
});
const Answered = z.object({ nth: z.int() });
const leaky = <const K extends 'read' | 'idempotent' | 'keyed'>(idempotency: K) =>
  method({ summary: 'Fails and tells why.', input: Asked, output: Answered, idempotency, timeoutMs: 5_000 });

export const leaks = contract('fault_leaks', '1.0.0', {
  look: leaky('read'),
  change: leaky('idempotent'),
  keep: leaky('keyed'),
  act: leaky('keyed'),
  submit: leaky('keyed'),
  flow: stream({ summary: 'Fails in its midst.', input: Asked, up: z.strictObject({}), down: Answered, timeoutMs: 5_000 }),
  happened: event({ summary: 'Something nobody can handle.', payload: Asked.extend({ id: z.string().max(40) }), key: 'id' }),
});
type Asking = z.output<typeof Asked>;

function leakyService({ phones, tokens }: Canaries) {
  const secrets = [...phones, ...tokens];
  const fail = ({ form, nth, name }: Asking): never => {
    // A name that was not given with the input is nothing that anybody could know for one.
    const canary = secrets[nth % secrets.length];
    const said = `${name} wrote ${canary?.text}\nat ${canary?.text} (${name})`;
    const unknown = { outcome: 'unknown' as const };
    switch (form) {
      case 'message':
        throw new TypeError(said);
      case 'cause':
        throw new Error('failed', { cause: new Error(said) });
      case 'nested':
        throw new PolybError('internal', 'failed', {
          cause: new Error('failed', { cause: Object.assign(new Error(said), { code: 'E1', detail: said }) }),
        });
      case 'polyb':
        throw new PolybError('upstream_failed', said, unknown);
      case 'data':
        throw new PolybError('conflict', 'taken', { data: { said, deeper: [{ said }] } });
      case 'evidence':
        throw new PolybError('upstream_failed', 'failed', {
          ...unknown,
          evidence: { request: `GET crm/${canary?.text}`, status: 500, lastBytes: said },
        });
      case 'text':
        throw said;
      default:
        throw new PolybError('failed_precondition', said);
    }
  };
  const answer = async (asked: Asking): Promise<{ nth: number }> => (asked.form === 'none' ? { nth: asked.nth } : fail(asked));
  return service({ serves: { fault_leaks: leaks }, settings: z.object({}), uses: [leaks.happened] }).start(async () => ({
    fault_leaks: {
      look: answer,
      change: answer,
      keep: answer,
      act: { attempt: answer, onUnknown: review },
      submit: async (asked, { commit, key }) =>
        commit(async (tx) => {
          tx.send(leaks.act, { ...asked, form: 'definite' }, { key: `sent ${key}` });
          if (asked.form === 'none') tx.emit(leaks.happened, { ...asked, id: `event ${asked.nth}` });
          return { nth: asked.nth };
        }),
      flow: async function* (asked) {
        yield { nth: asked.nth };
        fail(asked);
      },
    },
    on: [on(leaks.happened, async (payload) => fail({ ...payload, form: 'message' }), { giveUpAfter: 4 })],
    loops: [loop('leaking', { idleMs: 300 }, async () => fail({ form: 'message', nth: Math.floor(performance.now()), name: 'Nobody' }))],
  }));
}

async function main(seed: number, natsUrl: string, databaseUrl: string): Promise<void> {
  const log = createLog({ level: 'debug', service: 'fault-leaks' });
  const loaded = { folder: 'fault-leaks', service: leakyService(canariesOf(seed)) };
  await host({
    loaded,
    settings: read(flatGroups(groupsOf(loaded)), () => undefined),
    transport: await connectNats({
      servers: natsUrl,
      name: 'fault-leaks',
      inboxUser: 'fault-leaks',
      log,
      signal: AbortSignal.timeout(25_000),
    }),
    store: openStore({ url: databaseUrl, name: 'fault-leaks', log, connections: 8 }),
    cache: memoryCache({ now: Date.now }),
    secretKey: secretKeyFrom(undefined),
    log,
    prefix: 'polyb',
    clockSkewMs: 250,
    keepDays: 30,
    blankAfterDays: 7,
    allowPrivate: [],
    // An event is given up after eight attempts: in seconds here.
    pace: { leaseMs: 4_000, renewMs: 1_000, idleMs: 100 },
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
if (import.meta.main) {
  const [seed = '0', natsUrl = '', databaseUrl = ''] = process.argv.slice(2);
  await main(Number(seed), natsUrl, databaseUrl);
}

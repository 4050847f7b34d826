import { join } from 'node:path';
import { z } from 'zod';
import { amoIntegration } from '../../adapters/vendors/amocrm/fake.ts';
import { service } from '../../bus/service.ts';
import { crm } from '../../contracts/crm.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { startRedis } from '../../scripts/infra/start.ts';
import { AmoReady, AmoReply, type AmoSetup } from './amocrm.ts';
import { eventually, type Ground, linesOf, openGround } from './ground.ts';
import { hosted } from './hosted.ts';
import { killableService } from './killable.ts';
import type { FaultTest } from './test.ts';

const notes = contract('fault_notes', '1.0.0', {
  queue: method({
    summary: 'Queue a note about each contact.',
    input: z.strictObject({ contactIds: z.array(z.string().max(20)).max(1_000) }),
    output: z.object({}),
    idempotency: 'keyed',
  }),
});
const queueing = service({ serves: { fault_notes: notes }, uses: [crm.add_note], settings: z.object({}) }).start(async () => ({
  fault_notes: {
    queue: async ({ contactIds }, { commit }) =>
      commit(async (tx) => {
        for (const id of contactIds) tx.send(crm.add_note, { about: { kind: 'contact', id }, text: 'Called back' }, { key: `note ${id}` });
        return {};
      }),
  },
}));
async function openRows({ store }: Ground): Promise<number> {
  const [row] = await store.query<{ open: number }>(
    "select count(*)::int as open from journal.rows where method = 'crm.add_note' and state <> 'done'",
  );
  return row?.open ?? 0;
}
const calls = 500;
const documentedPerSecond = 7;
/** The short form is this much faster than amoCRM. */
const scale = 5;
/** Limit replies within ten seconds after which the address is blocked. */
const blockedAfter = 10;
const settlingMs = 2_000;
const leastShare = 0.9;

export const limitStorm: FaultTest = {
  id: 'LIMIT',
  title: '500 notes queued at once in two processes for an amoCRM that blocks the address above its rate',
  async run(options) {
    const { full, control, signal, log } = options;
    const perSecond = full ? documentedPerSecond : documentedPerSecond * scale;
    await using ground = await openGround(options);
    const redis = await startRedis({ dir: join(ground.dir, 'redis'), signal });
    const effects = join(ground.dir, 'amocrm.jsonl');
    const replies: z.output<typeof AmoReply>[] = [];
    const setup: z.input<typeof AmoSetup> = { perSecond, blockedAfter, contacts: calls, effects };
    const amocrm = await ground.start({ file: './amocrm.ts', args: [JSON.stringify(setup)] });
    amocrm.onMessage((message) => {
      const { data } = AmoReply.safeParse(message);
      if (data !== undefined) replies.push(data);
    });
    const { url, contactIds } = AmoReady.parse(amocrm.told);
    try {
      const env = {
        NATS_URL: ground.natsUrl,
        DATABASE_URL: ground.databaseUrl,
        // Without it each process counts alone.
        ...(!control && { REDIS_URL: redis.url }),
        LOG_LEVEL: 'error',
        HTTP_ALLOW_PRIVATE: url,
        CRM_KIND: 'amocrm',
        AMOCRM_SUBDOMAIN: 'fake',
        AMOCRM_URL: url,
        AMOCRM_TOKEN: amoIntegration.token,
        AMOCRM_REQUESTS_PER_SECOND: String(perSecond),
      };
      await Promise.all([1, 2].map(() => killableService(ground, 'crm-connector', env)));
      const bus = await ground.client();
      const queue = await hosted('fault-notes', queueing, {
        natsUrl: ground.natsUrl,
        databaseUrl: ground.databaseUrl,
        settings: {},
        pace: { leaseMs: 8_000, renewMs: 2_000, idleMs: 1_000 },
      });
      await bus.call(notes.queue, { contactIds }, { key: 'all' });
      const patience = control ? 15_000 : (calls / perSecond) * 2_000 + 20_000;
      await eventually(async () => (await openRows(ground)) === 0, patience, signal);
      await queue.stop(1_000);
      const settledAt = (replies[0]?.at ?? 0) + settlingMs;
      const isLimit = ({ status }: { readonly status: number }): boolean => status === 429 || status === 403;
      const late = replies.filter(({ at }) => at > settledAt);
      const lateLimitReplies = late.filter(isLimit).length;
      const blocked = replies.filter(({ status }) => status === 403).length;
      const ratePerSecond = ((late.length - lateLimitReplies) * 1_000) / ((late.at(-1)?.at ?? 0) - settledAt);
      const share = ratePerSecond / perSecond;
      const made = linesOf(effects).length;
      const open = await openRows(ground);
      log(`${made} notes at ${ratePerSecond.toFixed(1)} of ${perSecond} requests a second`);
      const harm = control ? blocked : lateLimitReplies + open + Math.abs(calls - made);
      return {
        ok: harm === 0 && share >= leastShare,
        harm,
        calls,
        notes: made,
        open,
        earlyLimitReplies: replies.filter(isLimit).length - lateLimitReplies,
        lateLimitReplies,
        blocked,
        perCentOfRate: Math.round(share * 100),
      };
    } finally {
      await redis.stop();
    }
  },
};

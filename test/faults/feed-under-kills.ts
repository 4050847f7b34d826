import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { PostgresStore } from '../../adapters/store/index.ts';
import type { BusHost } from '../../bus/bus.ts';
import { gateway } from '../../contracts/gateway.ts';
import { inbox } from '../../contracts/inbox.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { openGround } from './ground.ts';
import { killableNats, killableService, ownPostgres, strikes } from './killable.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { genuine, telegramSecret, telegramToken, textOf, whatsappSecret } from './webhook-posts.ts';

const perSecond = 500;
const lanes = 64;
/** Without anything new for so long after the last message was stored, nothing more comes. */
const silenceMs = 15_000;

export const t23: FaultTest = {
  id: 'T23',
  title: `a follower of messages in the order of storing, at ${perSecond} a second from two collectors, some of whose transactions are slow, while collectors, gateway, nats-server and PostgreSQL are killed`,
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const count = full ? 200_000 : control ? 5_000 : 10_000;
    await using postgres = control ? undefined : await ownPostgres(signal, options.evidence);
    await using ground = await openGround({ ...options, database: postgres?.database ?? options.database });
    const port = await freePort();
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      TELEGRAM_BOT_TOKENS: telegramToken,
      TELEGRAM_MODE: 'webhook',
      TELEGRAM_WEBHOOK_SECRET: telegramSecret,
      WHATSAPP_APP_SECRET: whatsappSecret,
      GATEWAY_PORT: String(port),
      GATEWAY_RATE_LIMIT: '1000000',
    };
    const collectors = [await killableService(ground, 'collector', env), await killableService(ground, 'collector', env)];
    const victims = postgres ? [...collectors, await killableService(ground, 'gateway', env), killableNats(ground), postgres] : [];
    const bus = await ground.client();
    await slowSometimes(ground.store);

    const page = control ? byNumber(ground.store) : byCursor(`http://127.0.0.1:${port}`, await newKey(bus));
    const following = new AbortController();
    const follower = follow(page, AbortSignal.any([signal, following.signal]));
    const patience = AbortSignal.any([signal, AbortSignal.timeout(full ? 3_600_000 : 600_000)]);
    const began = performance.now();
    const stored = store(bus, count, began, patience);
    const plan = strikes(random, victims, full ? 20 : 2);
    for (const victim of plan) {
      await delay(random.int(800, 2_500), undefined, { signal });
      await victim.kill();
      await delay(random.int(0, 500), undefined, { signal });
      await victim.restart();
    }
    await stored;
    const seconds = (performance.now() - began) / 1_000;
    log(`${plan.length} kills while ${count} messages were stored in ${Math.round(seconds)} s`);
    for (let last = -1; follower.texts.length < count && follower.texts.length > last; ) {
      last = follower.texts.length;
      await delay(silenceMs, undefined, { signal });
    }
    // What would come twice comes at once.
    await delay(1_000, undefined, { signal });
    following.abort();
    await follower.over;
    const seen = new Set(follower.texts);
    const missed = Array.from({ length: count }, (_, nth) => textOf(nth)).filter((text) => !seen.has(text)).length;
    const doubled = follower.texts.length - seen.size;
    const harm = missed + doubled;
    return { ok: harm === 0, harm, messages: count, kills: plan.length, missed, doubled, perSecond: Math.round(count / seconds) };
  },
};

/** The next messages, and where to go on after them. */
type NextPage = (
  cursor: string | undefined,
  signal: AbortSignal,
) => Promise<{ readonly texts: readonly string[]; readonly cursor: string }>;

const Page = z.object({ items: z.array(z.object({ text: z.string() })), nextCursor: z.string() });
function byCursor(origin: string, key: string): NextPage {
  return async (cursor, signal) => {
    const query = new URLSearchParams({ order: 'stored', limit: '200', ...(cursor !== undefined && { cursor }) });
    const answer = await fetch(`${origin}/api/v1/messages?${query}`, {
      headers: { 'x-api-key': key },
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    const { items, nextCursor } = Page.parse(await answer.json());
    return { texts: items.map(({ text }) => text), cursor: nextCursor };
  };
}
/** The protection off: messages by their number, which is drawn before they can be seen. */
function byNumber(store: PostgresStore): NextPage {
  return async (cursor = '0') => {
    const rows = await store.query<{ seq: string; text: string }>(
      'select seq::text, text from collector.messages where messages.seq > $1 order by messages.seq limit 200',
      [cursor],
    );
    return { texts: rows.map(({ text }) => text), cursor: rows.at(-1)?.seq ?? cursor };
  };
}
function follow(page: NextPage, signal: AbortSignal): { readonly texts: readonly string[]; readonly over: Promise<void> } {
  const texts: string[] = [];
  const over = (async () => {
    let cursor: string | undefined;
    while (!signal.aborted) {
      try {
        const next = await page(cursor, signal);
        texts.push(...next.texts);
        cursor = next.cursor;
        if (next.texts.length === 0) await delay(50, undefined, { signal });
      } catch {
        // No answer, or an error: asked again from the same place. When the test is over the loop sees it.
        await delay(100);
      }
    }
  })();
  return { texts, over };
}

/** Stores each message at its time, again until it is acknowledged. */
async function store(bus: BusHost, count: number, began: number, signal: AbortSignal): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let nth = next++; nth < count; nth = next++) {
      const early = began + (nth * 1_000) / perSecond - performance.now();
      if (early > 0) await delay(early, undefined, { signal });
      const { channel, headers, body } = genuine(nth);
      for (let taken = false; !taken; ) {
        try {
          await bus.call(inbox.channel_webhook, { channel, headers, body }, { timeoutMs: 5_000, signal });
          taken = true;
        } catch (thrown) {
          signal.throwIfAborted();
          if (!isPolybError(thrown)) throw thrown;
          await delay(50, undefined, { signal });
        }
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** One transaction of ten commits up to a third of a second after its messages have their numbers. */
async function slowSometimes(store: PostgresStore): Promise<void> {
  await store.query(
    `create function collector.slow() returns trigger language plpgsql as $$ begin
       if random() < 0.1 then perform pg_sleep(random() / 3); end if; return null; end $$`,
  );
  await store.query('create trigger slow after insert on collector.messages for each statement execute function collector.slow()');
}

async function newKey(bus: BusHost): Promise<string> {
  const keyId = `pk_${randomBytes(6).toString('hex')}`;
  const secret = randomBytes(24).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('hex');
  await bus.call(gateway.create_key, { keyId, secretHash, client: 'follower', scopes: ['read'] });
  return `${keyId}.${secret}`;
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { PostgresStore } from '../../adapters/store/index.ts';
import type { BusHost } from '../../bus/bus.ts';
import { inbox } from '../../contracts/inbox.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { eventually, openGround } from './ground.ts';
import { type Killable, killableNats, killableService, ownPostgres, strikes } from './killable.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { forged, genuine, type Post, proofOf, telegramSecret, telegramToken, textOf, whatsappSecret } from './webhook-posts.ts';

const senders = 32;
/** Between two posts of one sender, so that what is measured is the answer and not the queue before it. */
const restMs = 20;
/** A channel that has no answer by then posts again. */
const answerWithinMs = 3_000;
/** How soon after a fault's end posts must be taken again. */
const backWithinMs = 10_000;

export const t14: FaultTest = {
  id: 'T14',
  title:
    'webhooks repeated, out of order, forged, altered in a byte or proved with an old secret, while collector, gateway, nats-server and PostgreSQL are killed, slow or locked',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const good = full ? 480_000 : control ? 800 : 9_800;
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
    };
    const victims = [await killableService(ground, 'collector', env)];
    if (postgres) victims.push(await killableService(ground, 'gateway', env), killableNats(ground), postgres);
    else await forgetRepeats(ground.store);
    await using careless = control ? await carelessDoor(await ground.client()) : undefined;

    const posts = random.shuffled(
      Array.from({ length: good }, (_, nth): Post[] => {
        const post = genuine(nth);
        const repeats = Array.from({ length: random.chance(0.3) ? random.int(1, 3) : 0 }, () => post);
        return [post, ...repeats, ...(random.chance(0.5) ? [forged(random, Math.floor(nth / 2))] : [])];
      }).flat(),
    );
    const patience = AbortSignal.any([signal, AbortSignal.timeout(full ? 3_600_000 : 300_000)]);
    await using flood = floodOf(careless?.url ?? `http://127.0.0.1:${port}`, posts, patience);

    const counts = { kills: 0, backMaxMs: 0, takenWhileLocked: 0 };
    const plan = strikes(random, victims, full ? 50 : control ? 2 : 5);
    for (const victim of plan) {
      await delay(random.int(100, control ? 1_500 : 500), undefined, { signal });
      counts.kills += 1;
      counts.backMaxMs = Math.max(counts.backMaxMs, await flood.disturbed(() => struck(victim, flood, patience)));
    }
    const done = flood.taken;
    if (!control) {
      counts.takenWhileLocked = await flood.disturbed(() => whileLocked(ground.store, flood, 2_000));
      await flood.disturbed(() => whileSlow(ground.store, 3_000));
    }
    await flood.over;
    await careless?.idle();
    log(`${counts.kills} kills while ${done} were taken, ${flood.taken} in all`);

    const found = await foundIn(ground.store, good);
    const { forgedPosts, forgedTaken, repeatedByUs } = flood.counts;
    const harm = forgedTaken + found.forgedStored + found.lost + found.twice + found.untold + (control ? 0 : counts.takenWhileLocked);
    const isBack = control || counts.backMaxMs <= backWithinMs;
    return {
      ok: harm === 0 && isBack,
      harm,
      genuine: good,
      posts: flood.counts.posts,
      forgedPosts,
      forgedTaken,
      repeatedByUs,
      ...counts,
      ...found,
      ...flood.answers(),
    };
  },
};

/** Kills it and brings it back; answers how long after it was back something was taken again, ms. */
async function struck(victim: Killable, flood: Flood, signal: AbortSignal): Promise<number> {
  await victim.kill();
  await victim.restart();
  const [back, before] = [performance.now(), flood.taken];
  await eventually(() => flood.taken > before || flood.isOver, 2 * backWithinMs, signal);
  return Math.round(performance.now() - back);
}
/** Nothing can be committed meanwhile, so nothing that was posted meanwhile may be acknowledged. Answers how much was. */
async function whileLocked(store: PostgresStore, flood: Flood, forMs: number): Promise<number> {
  const lock = await store.begin();
  await lock.query('lock table collector.raw_updates in access exclusive mode');
  const taken = flood.watch();
  await delay(forMs);
  const count = taken();
  await lock.rollback();
  return count;
}
/** Each commit takes a third of a second longer. */
async function whileSlow(store: PostgresStore, forMs: number): Promise<void> {
  await store.query(
    `create function collector.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$`,
  );
  await store.query('create trigger slow before insert on collector.raw_updates for each statement execute function collector.slow()');
  await delay(forMs);
  await store.query('drop function collector.slow() cascade');
}
/** Takes off what tells a repeat. */
async function forgetRepeats(store: PostgresStore): Promise<void> {
  const rules = await store.query<{ of: string; name: string }>(
    `select conrelid::regclass::text as of, quote_ident(conname) as name from pg_constraint
     where contype = 'u' and cardinality(conkey) > 1 and conrelid in ('collector.raw_updates'::regclass, 'collector.messages'::regclass)`,
  );
  for (const { of, name } of rules) await store.query(`alter table ${of} drop constraint ${name}`);
}

/** One row and one event for each genuine update is what there should be. */
async function foundIn(
  store: PostgresStore,
  good: number,
): Promise<{ readonly lost: number; readonly twice: number; readonly untold: number; readonly forgedStored: number }> {
  const rows = await store.query<{ text: string; rows: number; events: number }>(
    `select text, count(distinct message_id)::int as rows, count(e.id)::int as events from collector.messages
     left join journal.events e on e.event = 'inbox.message_received' and e.payload->>'messageId' = message_id group by text`,
  );
  const [raw] = await store.query<{ n: number }>('select count(*)::int as n from collector.raw_updates');
  const expected = new Set(Array.from({ length: good }, (_, nth) => textOf(nth)));
  const genuineRows = rows.filter(({ text }) => expected.has(text));
  const forgedRows = rows.length - genuineRows.length;
  return {
    lost: good - genuineRows.length,
    twice: genuineRows.filter((row) => row.rows > 1 || row.events > 1).length,
    untold: genuineRows.filter(({ events }) => events === 0).length,
    // What came raw is kept also when nothing is read from it, so there must be as many as genuine ones.
    forgedStored: forgedRows + Math.max(0, (raw?.n ?? 0) - good),
  };
}

interface Flood extends AsyncDisposable {
  /** When everything has been answered. */
  readonly over: Promise<void>;
  readonly isOver: boolean;
  /** Genuine posts that were acknowledged, repeats too. */
  readonly taken: number;
  readonly counts: { readonly posts: number; readonly forgedPosts: number; readonly forgedTaken: number; readonly repeatedByUs: number };
  /** Answers of the time of `work` do not count for the calm ones. */
  disturbed<T>(work: () => Promise<T>): Promise<T>;
  /** From now on; asked, it tells how many genuine posts were begun and acknowledged since. */
  watch(): () => number;
  /** Times of answers, ms: in calm, and of all. */
  answers(): { readonly ackP50Ms: number; readonly ackP99Ms: number; readonly anyAckP99Ms: number };
}
/** Channels deliver again until they are answered with 200; who forges tries until he is refused. */
function floodOf(url: string, posts: Post[], signal: AbortSignal): Flood {
  const pool = new Pool(url, { connections: senders, pipelining: 1 });
  const counts = { posts: posts.length, forgedPosts: 0, forgedTaken: 0, repeatedByUs: 0 };
  const times: { readonly ms: number; readonly isCalm: boolean }[] = [];
  const watches = new Set<{ readonly from: number; taken: number }>();
  let [taken, disturbances, isDisturbed, isOver] = [0, 0, false, false];

  async function post({ channel, headers, body }: Post): Promise<number> {
    const [before, wasDisturbed, began] = [disturbances, isDisturbed, performance.now()];
    const status = await statusOf(pool, `/api/v1/${channel}/webhook`, headers, body, signal);
    times.push({ ms: performance.now() - began, isCalm: !wasDisturbed && !isDisturbed && before === disturbances });
    if (status === 200) for (const watched of watches) if (began >= watched.from) watched.taken += 1;
    return status;
  }
  async function deliver(one: Post): Promise<void> {
    for (;;) {
      const status = await post(one);
      if (one.nth === undefined && status === 200) counts.forgedTaken += 1;
      else if (status === 200) taken += 1;
      if (status === 200 || (one.nth === undefined && status < 500)) return;
      if (one.nth !== undefined) counts.repeatedByUs += 1;
      await delay(100, undefined, { signal });
    }
  }
  const lanes = Array.from({ length: senders }, async () => {
    for (let one = posts.pop(); one !== undefined; one = posts.pop()) {
      if (one.nth === undefined) counts.forgedPosts += 1;
      await deliver(one);
      await delay(restMs, undefined, { signal });
    }
  });
  const over = Promise.all(lanes).then(() => {
    isOver = true;
  });
  over.catch(() => {}); // awaited by whoever wants it, unless something else fails before
  return {
    over,
    get isOver() {
      return isOver;
    },
    get taken() {
      return taken;
    },
    counts,
    async disturbed(work) {
      isDisturbed = true;
      disturbances += 1;
      try {
        return await work();
      } finally {
        isDisturbed = false;
      }
    },
    watch() {
      const watched = { from: performance.now(), taken: 0 };
      watches.add(watched);
      return () => watched.taken;
    },
    answers() {
      const at = (share: number, of: readonly number[]): number =>
        Math.round(of.toSorted((a, b) => a - b)[Math.floor(of.length * share)] ?? Number.NaN);
      const calm = times.filter(({ isCalm }) => isCalm).map(({ ms }) => ms);
      return {
        ackP50Ms: at(0.5, calm),
        ackP99Ms: at(0.99, calm),
        anyAckP99Ms: at(
          0.99,
          times.map(({ ms }) => ms),
        ),
      };
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
/** 599 when no answer came. */
async function statusOf(pool: Pool, path: string, headers: Post['headers'], body: Buffer, signal: AbortSignal): Promise<number> {
  try {
    const answer = await pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
    await answer.body.dump();
    return answer.statusCode;
  } catch (thrown) {
    signal.throwIfAborted();
    if (Error.isError(thrown)) return 599;
    throw thrown;
  }
}

interface Door extends AsyncDisposable {
  readonly url: string;
  /** When nothing is on its way any more. */
  idle(): Promise<void>;
}
/** Proves nothing, and answers before anything is stored. */
async function carelessDoor(bus: BusHost): Promise<Door> {
  const underWay = new Set<Promise<unknown>>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(200).end();
    const body = Buffer.concat(chunks);
    const channel = request.url?.includes('telegram') ? 'telegram' : 'whatsapp';
    const work = bus
      .call(inbox.channel_webhook, { channel, headers: proofOf(body), body }, { timeoutMs: 5_000, retry: false })
      .catch(() => {}); // it was answered long ago
    underWay.add(work);
    void work.then(() => underWay.delete(work));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    idle: async () => void (await Promise.all(underWay)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

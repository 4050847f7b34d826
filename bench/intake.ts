/**
 * Updates of Telegram's webhook through one gateway process and one collector process, over NATS, PostgreSQL with its default durability:
 * a 200 means committed. Beside them bare fastify that inserts the update and does nothing else.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { openStore } from '../adapters/store/index.ts';
import { seededRandom } from '../contracts/kit/seeded-random.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { freePort } from '../scripts/infra/ready.ts';
import { startNats, startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { barePath } from './bare-webhook.ts';
import { colloquial } from './colloquial.ts';
import { stopDaemon } from './daemons.ts';
import { cpuUs, treeCpuUs } from './process-cpu.ts';

const token = '7001:AAAA-bench';
const secret = createHmac('sha256', token).update('webhook').digest('hex');
const serve = join(import.meta.dirname, '..', 'runtime', 'serve.ts');
const bare = join(import.meta.dirname, 'bare-webhook.ts');
/** People who write, each in a chat of their own. */
const people = 5_000;

export interface IntakeFigures {
  readonly load: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly goal: string;
  /** Updates a second, beside bare fastify in the same run. */
  readonly rateRatio: number | null;
  /** CPU that an update took, µs; of bare fastify, which is one process, under `gateway`. */
  readonly gatewayCpuUs: number;
  readonly collectorCpuUs: number;
  readonly databaseCpuUs: number;
  /** Transactions that wrote, per update; those of loops and consumers among them. */
  readonly commits: number;
  readonly refused: number;
  readonly lost: number;
  readonly doubled: number;
}
interface Sent {
  readonly took: number[];
  readonly ms: number;
  refused: number;
}

/** @param profile a folder for V8 profiles of both services */
export async function benchIntake({
  seconds = 10,
  inFlight = 200,
  rate = 500,
  profile,
}: {
  seconds?: number;
  inFlight?: number;
  rate?: number;
  profile?: string | undefined;
} = {}): Promise<readonly IntakeFigures[]> {
  const dir = temporaryDir();
  const nats = await startNats({ dir: join(dir, 'nats'), temporary: true });
  const server = await startPostgres({ dir: join(dir, 'postgres'), durable: true, temporary: true });
  const services: ChildProcess[] = [];
  try {
    const url = Object.assign(new URL(server.url), { pathname: '/bench' }).href;
    await migrate({ url });
    const port = await freePort();
    const env = {
      ...process.env,
      NATS_URL: nats.url,
      DATABASE_URL: url,
      LOG_LEVEL: 'error',
      GATEWAY_PORT: String(port),
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_MODE: 'webhook',
      SECRET: secret,
    };
    const begin = async (name: string, file: string, args: readonly string[]) => {
      const execArgv = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`];
      const child = fork(file, [...args], { env, execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      services.push(child);
      const [said] = await once(child, 'message', { signal: AbortSignal.timeout(30_000) });
      return { child, said };
    };
    const { child: collector } = await begin('collector', serve, ['collector']);
    const { child: gateway } = await begin('gateway', serve, ['gateway']);
    const { child: byHand, said: barePort } = await begin('bare', bare, []);
    const store = openStore({ url, name: 'bench', log: quiet, connections: 2 });
    const pools = [port, Number(barePort)].map((to) => new Pool(`http://127.0.0.1:${to}`, { connections: inFlight, pipelining: 1 }));
    try {
      const [send, sendBare] = [sender(pools[0] as Pool, '/api/v1/telegram/webhook'), sender(pools[1] as Pool, barePath)];
      await send.closed(inFlight, 2_000); // compiled and connected
      await sendBare.closed(inFlight, 1_000);
      await store.query('analyze'); // autovacuum does so within a minute; plans made for empty tables read them whole
      const counted = async (
        load: string,
        goal: string,
        [front, back]: readonly [ChildProcess, ChildProcess?],
        work: () => Promise<Sent>,
        lost: () => Promise<Pick<IntakeFigures, 'lost' | 'doubled'>>,
      ): Promise<IntakeFigures> => {
        const cpu = () => ({ front: cpuUs(front.pid), back: back === undefined ? 0 : cpuUs(back.pid), database: treeCpuUs(server.pid) });
        const before = cpu();
        const firstWrite = await writes(store);
        const sent = await work();
        const lastWrite = await writes(store);
        const after = cpu();
        const sorted = sent.took.sort((a, b) => a - b);
        const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1));
        const each = (us: number): number => Math.round(us / sorted.length);
        return {
          load,
          perSecond: Math.round((sorted.length / sent.ms) * 1_000),
          p50Ms: at(0.5),
          p99Ms: at(0.99),
          goal,
          rateRatio: null,
          gatewayCpuUs: each(after.front - before.front),
          collectorCpuUs: each(after.back - before.back),
          databaseCpuUs: each(after.database - before.database),
          commits: Number(((lastWrite - firstWrite) / sorted.length).toFixed(3)),
          refused: sent.refused,
          ...(await lost()),
        };
      };
      const ours = () => kept(store, send.answered());
      const flood = `${inFlight} in flight`;
      const flooded = await counted(flood, '1,500/s or more', [gateway, collector], () => send.closed(inFlight, seconds * 1_000), ours);
      const beside = await counted(
        `${flood}, bare fastify and one insert`,
        '',
        [byHand],
        () => sendBare.closed(inFlight, seconds * 500),
        () => keptBare(store, sendBare.answered()),
      );
      const paced = `${rate}/s whatever the answers`;
      await send.open(rate, 3_000); // a connection that PostgreSQL had not before loads the dictionary once, which takes it 0.3 s
      return [
        { ...flooded, rateRatio: Number((flooded.perSecond / beside.perSecond).toFixed(3)) },
        beside,
        await counted(paced, 'p99 under 250 ms', [gateway, collector], () => send.open(rate, seconds * 1_000), ours),
        await counted(
          `${paced}, bare fastify and one insert`,
          '',
          [byHand],
          () => sendBare.open(rate, seconds * 1_000),
          () => keptBare(store, sendBare.answered()),
        ),
      ];
    } finally {
      await Promise.all(pools.map((pool) => pool.close()));
      await store.close();
    }
  } finally {
    await Promise.all(services.map((child) => stopDaemon(child, 20_000)));
    await nats.stop();
    await server.stop();
  }
}

function sender(pool: Pool, path: string) {
  const random = seededRandom(5);
  const answered: string[] = [];
  let last = 0;
  const headers = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret };
  /** True when it was taken. */
  const post = async (): Promise<boolean> => {
    last += 1;
    const id = last;
    const person = 1 + Math.floor(random() * people);
    const body = JSON.stringify({
      update_id: id,
      message: {
        message_id: id,
        date: 1_790_000_000,
        chat: { id: person, type: 'private', first_name: 'Анна' },
        from: { id: person, is_bot: false, first_name: 'Анна' },
        text: colloquial(random),
      },
    });
    const { statusCode, body: answer } = await pool.request({ method: 'POST', path, headers, body });
    await answer.dump();
    if (statusCode === 200) answered.push(String(id));
    return statusCode === 200;
  };
  return {
    /** Ids of the updates that were answered with 200. */
    answered: (): readonly string[] => answered,
    /** `width` senders, each with one update on the way. */
    async closed(width: number, ms: number): Promise<Sent> {
      const sent = { took: [] as number[], refused: 0 };
      const began = performance.now();
      await Promise.all(
        Array.from({ length: width }, async () => {
          for (let at = began; at < began + ms; at = performance.now()) {
            if (await post()) sent.took.push(performance.now() - at);
            else sent.refused += 1;
          }
        }),
      );
      return { ...sent, ms: performance.now() - began };
    },
    /** So many a second, however slow the answers are; an update's time begins when it was due. */
    async open(perSecond: number, ms: number): Promise<Sent> {
      const sent = { took: [] as number[], refused: 0 };
      const began = performance.now();
      const pending: Promise<void>[] = [];
      for (let nth = 0; nth < (perSecond * ms) / 1_000; nth += 1) {
        const due = began + (nth / perSecond) * 1_000;
        const early = due - performance.now();
        if (early > 0) await delay(early);
        pending.push(
          post().then((isTaken) => {
            if (isTaken) sent.took.push(performance.now() - due);
            else sent.refused += 1;
          }),
        );
      }
      await Promise.all(pending);
      return { ...sent, ms: performance.now() - began };
    },
  };
}

/** What was answered with 200 and is not there, and what is there more than once; as an update, as a message or as an event. */
async function kept(
  store: ReturnType<typeof openStore>,
  answered: readonly string[],
): Promise<{ readonly lost: number; readonly doubled: number }> {
  const [row] = await store.query<{ lost: number; doubled: number }>(
    `with answered as (select unnest($1::text[]) as id),
       told as (select payload ->> 'messageId' as message_id from journal.events where event = 'inbox.message_received')
     select
       (select count(*)::int from answered
        left join collector.raw_updates update on update.external_id = answered.id
        left join collector.messages message on message.external_id = answered.id
        left join told using (message_id)
        where update is null or message is null or told is null) as lost,
       (select count(*) - count(distinct external_id) from collector.raw_updates)::int
         + (select count(*) - count(distinct external_id) from collector.messages)::int
         + (select count(*) - count(distinct message_id) from told)::int as doubled`,
    [answered],
  );
  if (row === undefined) throw new Error('a count without a row');
  return row;
}

async function keptBare(
  store: ReturnType<typeof openStore>,
  answered: readonly string[],
): Promise<Pick<IntakeFigures, 'lost' | 'doubled'>> {
  const [row] = await store.query<{ lost: number }>(
    'select count(*)::int as lost from unnest($1::bigint[]) as id where not exists (select from public.bare_updates where update_id = id)',
    [answered],
  );
  return { lost: row?.lost ?? Number.NaN, doubled: 0 };
}

/** The number of the next transaction that writes. */
async function writes(store: ReturnType<typeof openStore>): Promise<number> {
  const [row] = await store.query<{ next: number }>('select pg_snapshot_xmax(pg_current_snapshot())::text::float8 as next');
  return row?.next ?? Number.NaN;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, profile: { type: 'string' } } });
  console.table(await benchIntake({ seconds: Number(values.seconds), profile: values.profile }));
}

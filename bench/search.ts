/** Reading a million messages through the collector's own statements, in a PostgreSQL with its default durability: searches, pages at any depth, the end of a chat. */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import { seededRandom } from '../contracts/kit/seeded-random.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { cursorOf, listOf } from '../services/collector/cursor.ts';
import { chatTotals, pageOfChats } from '../services/collector/rows/list-chats.ts';
import { lastMessages, pageOfMessages, searchMessages, totals } from '../services/collector/rows/messages.ts';
import { learnWords } from '../services/collector/rows/search.ts';
import { colloquial } from './colloquial.ts';

const chats = 20_000;
const rowsAtOnce = 10_000;
const firstAt = Date.UTC(2024, 0, 1);
const apartMs = 60_000;

/** Questions of each sort; all of them are asked in every round. */
const questions = {
  rare: ['фаленопсис', 'бутоньерка', 'стрелиция маме', 'флорариум', 'ландыши', 'магнолия'],
  frequent: ['букет', 'заказать', 'здравствуйте', 'завтра', 'подскажите', 'сколько стоит'],
  inflected: ['подарком', 'цветами', 'розу', 'открыток', 'елки', 'пионов', 'детей', 'деньгам'],
  several: [
    'букет маме завтра',
    'здравствуйте хочу заказать букет',
    'розы с доставкой',
    'курьер опоздал',
    'скидка на пионы',
    '"верните деньги"',
    'тюльпаны -розы',
  ],
  typos: ['тюльпнаы', 'хрезантемы', 'здраствуйте', 'бутанерка', 'фалинопсис', 'артикул'],
} as const;

export interface ReadFigures {
  readonly asked: string;
  readonly times: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Of PostgreSQL's own processor time, which tells more where other work runs beside; null where the system does not say. */
  readonly cpuP95Ms: number | null;
  readonly goalMs: number;
  /** The slowest question of all, where questions differ. */
  readonly slowest: string;
}

/** @param messages how many are made first, which takes minutes for a million */
export async function benchSearch({
  messages = 1_000_000,
  rounds = 10,
}: {
  messages?: number;
  rounds?: number;
} = {}): Promise<readonly ReadFigures[]> {
  const server = await startPostgres({ dir: temporaryDir(), durable: true, temporary: true });
  try {
    const url = Object.assign(new URL(server.url), { pathname: '/bench' }).href;
    await migrate({ url });
    // One connection, whose process is watched.
    const store = openStore({ url, name: 'bench', log: quiet, connections: 1 });
    try {
      await fill(store, messages);
      return await measure(store, messages, rounds);
    } finally {
      await store.close();
    }
  } finally {
    await server.stop();
  }
}

/** Indexes are made once at the end, as they stood: a tenth of the time. */
async function fill(store: PostgresStore, messages: number): Promise<void> {
  const began = performance.now();
  await store.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind)
     select 'chat_' || i, 'telegram', '1', i::text, 'private' from generate_series(0, $1::int - 1) i`,
    [chats],
  );
  await store.query(
    `insert into collector.users (user_id, channel, external_id, name, first_seen_at, last_seen_at)
     select 'usr_' || i, 'telegram', i::text, 'Клиент ' || i, now(), now() from generate_series(0, $1::int - 1) i`,
    [chats],
  );
  const indexes = await store.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index where indrelid = 'collector.messages'::regclass and not indisunique`,
  );
  const random = seededRandom(7);
  await store.session(async (session) => {
    await session.run(`set statement_timeout = 0; set maintenance_work_mem = '256MB'; set synchronous_commit = off`);
    for (const { name } of indexes) await session.run(`drop index ${name}`);
    for (let from = 0; from < messages; from += rowsAtOnce) {
      const rows = Array.from({ length: Math.min(rowsAtOnce, messages - from) }, () => ({
        chat: Math.floor(random() ** 2 * chats),
        text: colloquial(random),
        intent: random() < 0.4 ? 'order' : null,
      }));
      await session.query(
        `insert into collector.messages
           (message_id, channel, bot_id, chat_external_id, external_id, chat_id, sender_id, direction, kind, text, is_forwarded, sent_at, intent)
         select 'msg_' || (n + $4), 'telegram', '1', chat::text, (n + $4)::text, 'chat_' || chat, 'usr_' || chat, 'in', 'text', text, false,
           to_timestamp(($5 + (n + $4) * $6) / 1000.0), intent
         from unnest($1::int[], $2::text[], $3::text[]) with ordinality row (chat, text, intent, n)`,
        [rows.map((row) => row.chat), rows.map((row) => row.text), rows.map((row) => row.intent), from, firstAt, apartMs],
      );
      await learnWords(
        session,
        rows.map((_, nth) => `msg_${from + nth + 1}`),
      );
      if (from % 100_000 === 0) console.error(`… ${from} of ${messages} messages, ${Math.round((performance.now() - began) / 1_000)} s`);
    }
    for (const { definition } of indexes) await session.run(definition);
    await session.run(states);
    await session.run('vacuum analyze');
  });
  console.error(`… ${messages} messages and their indexes in ${Math.round((performance.now() - began) / 1_000)} s`);
}

/** Who is in charge of a chat, who waits in it and what for: two fifths are nobody's, a quarter waits. */
const states = `
  insert into collector.chat_members (user_id, chat_id) select distinct sender_id, chat_id from collector.messages;
  update collector.chats chat set last_message_id = last.message_id, last_message_at = last.sent_at, last_inbound_at = last.sent_at, intent = last.intent,
    customer_id = last.sender_id, last_customer_message_id = last.message_id,
    assigned_to = case when n % 5 > 1 then 'm' || n % 10 end, owner = case n % 20 when 0 then 'human' when 1 then 'off' end,
    waiting_since = case when n % 4 = 0 then last.sent_at end, unanswered = case when n % 4 = 0 then 1 else 0 end, is_urgent = n % 40 = 0
  from (select distinct on (chat_id) *, external_id::int as n from collector.messages order by chat_id, sent_at desc, seq desc) last
  where last.chat_id = chat.chat_id`;
const manager = { personId: 'm3', role: 'manager' } as const;
/** Filters of a list of chats; each is also asked as a manager. */
const filters: Readonly<Record<string, Partial<Parameters<typeof pageOfChats>[1]>>> = {
  all: {},
  mine: { assigned: 'mine', of: 'm3' },
  nobody: { assigned: 'nobody' },
  others: { assigned: 'others', of: 'm3' },
  'of nobody known': { assigned: 'mine', of: 'm99' },
  intent: { intent: 'order' },
  'rare intent': { intent: 'complaint' },
  urgent: { isUrgent: true },
  human: { owner: 'human' },
  off: { owner: 'off' },
  channel: { channel: 'telegram' },
  'other channel': { channel: 'whatsapp' },
  waiting: { isWaiting: true },
  'waiting longest': { order: 'waiting' },
  'waiting for a person': { order: 'waiting', owner: 'human' },
  'urgent of nobody': { isUrgent: true, assigned: 'nobody', order: 'waiting' },
};

async function measure(store: PostgresStore, messages: number, rounds: number): Promise<readonly ReadFigures[]> {
  const random = seededRandom(11);
  const take = taker(await processorTime(store));
  const search = (q: string) => store.transaction((tx) => searchMessages(tx, q, {}, { limit: 20 }));
  const chat = () => `chat_${Math.floor(random() ** 2 * chats)}`;
  const deep = (wanted: Readonly<Record<string, string>>) => {
    const nth = 1 + Math.floor(random() * messages);
    return cursorOf({ atUs: String((firstAt + nth * apartMs) * 1_000), id: String(nth), isFuzzy: false }, listOf('messages', wanted));
  };
  const since = (days: number) => new Date(firstAt + messages * apartMs - days * 86_400_000).toISOString();
  const pageAt = (wanted: { chatId?: string; intent?: 'order' }) => pageOfMessages(store, wanted, { limit: 50, cursor: deep(wanted) });
  const ofQuestions = (asked: string, some: readonly string[]) => take(asked, 50, rounds, some, search);
  const at = { now: firstAt + messages * apartMs, takeoverMs: 1_800_000 };
  const chatsBy = (wanted: (typeof filters)[string] | undefined, viewer?: typeof manager) =>
    pageOfChats(store, { order: 'activity', assigned: 'all', ...wanted, viewer }, { limit: 50, ...at });
  const chatsSaying = (q: string) =>
    store.transaction((tx) => pageOfChats(tx, { order: 'activity', assigned: 'all', q }, { limit: 50, ...at }));
  return [
    await take('chats by any filter', 50, rounds, Object.keys(filters), (name) => chatsBy(filters[name])),
    await take('chats by any filter, as a manager', 50, rounds, Object.keys(filters), (name) => chatsBy(filters[name], manager)),
    await take('chats by words', 50, rounds, Object.values(questions).flat(), chatsSaying),
    await take('chats by name', 50, rounds, ['Клиент 777', '8 916 555', 'анна'], chatsSaying),
    await take('counts of chats', 30, rounds * 10, ['all'], () => chatTotals(store, {}, at)),
    await take('counts of chats, as a manager', 30, rounds * 10, ['manager'], () => chatTotals(store, { viewer: manager }, at)),
    await take('page of 50 of a manager', 50, rounds * 10, ['all'], () => pageOfMessages(store, { viewer: manager }, { limit: 50 })),
    await take('search of a manager', 50, rounds, Object.values(questions).flat(), (q) =>
      store.transaction((tx) => searchMessages(tx, q, { viewer: manager }, { limit: 20 })),
    ),
    ...(await inTurn(Object.entries(questions), ([sort, some]) => ofQuestions(`search, ${sort}`, some))),
    await ofQuestions('search, all', Object.values(questions).flat()),
    await take('page of 50 at any depth', 5, rounds * 10, ['all'], () => pageAt({})),
    await take('page of 50 of a chat at any depth', 5, rounds * 10, ['chat'], () => pageAt({ chatId: chat() })),
    await take('page of 50 of an intent at any depth', 5, rounds * 10, ['intent'], () => pageAt({ intent: 'order' })),
    await take('last 50 of a chat', 5, rounds * 10, ['chat'], () => lastMessages(store, chat(), 50)),
    await take('totals of a day', 50, rounds, ['day'], () => totals(store, { since: since(1) })),
    await take('totals of 30 days', 200, rounds, ['month'], () => totals(store, { since: since(30) })),
    await take('totals of all', 1_000, rounds, ['all'], () => totals(store, {})),
  ];
}

type ProcessorTime = () => number | null;
/** Milliseconds that the one connection's server process has computed; Linux says it to a nanosecond. */
async function processorTime(store: PostgresStore): Promise<ProcessorTime> {
  const [row] = await store.query<{ pid: number }>('select pg_backend_pid() as pid');
  const file = `/proc/${row?.pid}/schedstat`;
  if (!existsSync(file)) return () => null;
  return () => Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6;
}

function taker(cpu: ProcessorTime) {
  return async (
    asked: string,
    goalMs: number,
    rounds: number,
    some: readonly string[],
    ask: (one: string) => Promise<unknown>,
  ): Promise<ReadFigures> => {
    const took: { readonly one: string; readonly ms: number; readonly cpuMs: number }[] = [];
    for (const one of some) await ask(one);
    for (let round = 0; round < rounds; round += 1)
      for (const one of some) {
        const [began, computed] = [performance.now(), cpu()];
        await ask(one);
        took.push({ one, ms: performance.now() - began, cpuMs: (cpu() ?? Number.NaN) - (computed ?? Number.NaN) });
      }
    const byQuestion = [...Map.groupBy(took, ({ one }) => one)].map(([one, times]) => ({
      one,
      ms: quantile(
        times.map(({ ms }) => ms),
        0.5,
      ),
    }));
    const [slowest] = byQuestion.sort((a, b) => b.ms - a.ms);
    const times = took.map(({ ms }) => ms);
    return {
      asked,
      times: took.length,
      p50Ms: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
      cpuP95Ms:
        cpu() === null
          ? null
          : quantile(
              took.map(({ cpuMs }) => cpuMs),
              0.95,
            ),
      goalMs,
      slowest: some.length > 1 ? `${slowest?.one}: ${slowest?.ms} ms` : '',
    };
  };
}
function quantile(given: readonly number[], share: number): number {
  const sorted = given.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1));
}

async function inTurn<Given, Result>(given: readonly Given[], work: (one: Given) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const one of given) results.push(await work(one));
  return results;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { messages: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '10' } },
  });
  console.table(await benchSearch({ messages: Number(values.messages), rounds: Number(values.rounds) }));
}

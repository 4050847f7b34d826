/**
 * Takes chats, users and messages of an older hub into DATABASE_URL.
 *
 * What is there already stays as it is, so a run that ended early is simply started again. Nobody is told of what is taken in: it is history, and
 * must not be answered. Columns are found by the names that such hubs use; `columns` lists them.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storable } from '../adapters/channel/port.ts';
import { toE164 } from '../adapters/crm/phones.ts';
import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import type { Queries } from '../bus/service.ts';
import { database } from '../config/common.ts';
import { lookup } from '../config/env.ts';
import { read } from '../config/read.ts';
import { MessageKind, UserRole } from '../contracts/inbox.ts';
import { exitOf, PolybError, toPolybError } from '../contracts/kit/errors.ts';
import { quiet } from '../runtime/noop-log.ts';
import { importChats, importMessages, importPeople } from '../services/collector/rows/import.ts';
import { csvRows } from './csv.ts';
import { optionsOf, refuse } from './options.ts';

const tables = ['chats', 'users', 'messages'] as const;
type Table = (typeof tables)[number];
type Row = Readonly<Record<string, unknown>>;
/** Gives the rows of one table in parts, each when the one before is taken; `done` is the share of the table that has been read. */
export type OldHub = (table: Table, take: (rows: readonly Row[], done: number) => Promise<void>) => Promise<void>;
export interface Taken {
  readonly read: number;
  readonly taken: number;
  /** Counts by reason. */
  readonly skipped: Readonly<Record<string, number>>;
}
const atOnce = 1_000;
/** The hub read Telegram only. */
const channel = 'telegram';

/** The first column that a table has is taken, also where it is empty: another one's number would be another's. */
const columns = {
  chats: {
    id: ['telegram_chat_id', 'telegram_id', 'tg_chat_id', 'chat_id', 'id'],
    key: ['id', 'chat_id'],
    kind: ['chat_type', 'type', 'kind'],
    title: ['title', 'chat_title', 'chat_name', 'name'],
  },
  users: {
    id: ['telegram_user_id', 'telegram_id', 'tg_user_id', 'tg_id', 'user_id', 'id'],
    key: ['id', 'user_id'],
    name: ['full_name', 'display_name', 'name'],
    first: ['first_name'],
    last: ['last_name'],
    username: ['username', 'telegram_username'],
    phone: ['phone_number', 'phone'],
    role: ['role', 'role_name', 'role_code', 'user_role'],
    isBot: ['is_bot'],
    at: ['first_seen_at', 'created_at', 'last_seen_at', 'updated_at'],
  },
  messages: {
    id: ['telegram_message_id', 'tg_message_id', 'message_id', 'id'],
    chat: ['chat_id', 'telegram_chat_id', 'chat'],
    sender: ['user_id', 'sender_id', 'from_user_id', 'telegram_user_id', 'from_id'],
    kind: ['message_type', 'content_type', 'kind', 'type'],
    text: ['text', 'message_text', 'content', 'body'],
    transcript: ['transcript', 'transcription', 'voice_text'],
    replyTo: ['reply_to_message_id', 'reply_to'],
    at: ['sent_at', 'message_date', 'timestamp', 'date', 'created_at'],
  },
} as const satisfies Record<Table, Record<string, readonly string[]>>;

function textOf(row: Row, names: readonly string[]): string | null {
  const name = names.find((each) => each in row);
  const value = name === undefined ? null : row[name];
  return value === null || value === undefined || value === '' ? null : storable(String(value));
}
const integerOf = (row: Row, names: readonly string[]): string | null => /^-?\d{1,18}$/.exec(textOf(row, names)?.trim() ?? '')?.[0] ?? null;
/** A time without a zone is UTC; a number is Unix seconds. */
function timeOf(row: Row, names: readonly string[]): Date | null {
  const text = textOf(row, names);
  if (text === null) return null;
  const hasZone = /(z|[+-]\d\d(:?\d\d)?)$/i.test(text);
  const at = /^\d{9,10}$/.test(text) ? new Date(Number(text) * 1_000) : new Date(hasZone ? isoZone(text) : `${text.replace(' ', 'T')}Z`);
  return Number.isFinite(at.getTime()) ? at : null;
}
/** PostgreSQL writes +03, which Date does not read. */
const isoZone = (text: string): string => text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');
const oneOf = <T extends string>(all: readonly T[], text: string | null): T | undefined => all.find((each) => each === text?.toLowerCase());

/** Takes everything over. `progress` is told the share of a table that has been read. */
export async function importOld(
  store: PostgresStore,
  old: OldHub,
  { botId, progress = () => {} }: { readonly botId: string; readonly progress?: (table: Table, done: number, read: number) => void },
): Promise<Readonly<Record<Table, Taken>>> {
  const ids = { chats: new Map<string, string>(), users: new Map<string, string>() };
  const take = async (
    table: Table,
    part: (tx: Queries, rows: readonly Row[], skip: (why: string) => void) => Promise<number>,
  ): Promise<Taken> => {
    const skipped: Record<string, number> = {};
    let read = 0;
    let taken = 0;
    await old(table, async (rows, done) => {
      const reasons: string[] = [];
      taken += await store.transaction((tx) => part(tx, rows, (why) => void reasons.push(why)));
      for (const why of reasons) skipped[why] = (skipped[why] ?? 0) + 1;
      read += rows.length;
      progress(table, done, read);
    });
    return { read, taken, skipped };
  };
  return {
    chats: await take('chats', (tx, rows, skip) => takeChats(tx, botId, rows, ids.chats, skip)),
    users: await take('users', (tx, rows, skip) => takeUsers(tx, botId, rows, ids.users, skip)),
    messages: await take('messages', (tx, rows, skip) => takeMessages(tx, botId, rows, ids, skip)),
  };
}

interface Named {
  readonly externalId: string;
  /** What messages call it. */
  readonly key: string;
}
/** Rows that have an id. */
function named<T extends object>(
  rows: readonly Row[],
  { id, key }: { readonly id: readonly string[]; readonly key: readonly string[] },
  rest: (row: Row, externalId: string) => T,
  skip: (why: string) => void,
): readonly (Named & T)[] {
  return rows.flatMap((row) => {
    const externalId = integerOf(row, id);
    if (externalId === null) skip('has no id of Telegram');
    return externalId === null ? [] : [{ externalId, key: textOf(row, key) ?? externalId, ...rest(row, externalId) }];
  });
}
function remember(into: Map<string, string>, some: readonly Named[], ours: ReadonlyMap<string, string>): void {
  for (const { externalId, key } of some) {
    const id = ours.get(externalId);
    if (id === undefined) continue;
    // A serial number of the old hub means its own row, even where it is another's number in Telegram.
    if (!into.has(externalId)) into.set(externalId, id);
    into.set(key, id);
  }
}

async function takeChats(
  tx: Queries,
  botId: string,
  rows: readonly Row[],
  ids: Map<string, string>,
  skip: (why: string) => void,
): Promise<number> {
  const of = columns.chats;
  const chats = named(
    rows,
    of,
    (row, externalId) => ({
      kind:
        oneOf(['private', 'group', 'supergroup', 'channel'], textOf(row, of.kind)) ?? (externalId.startsWith('-') ? 'group' : 'private'),
      title: textOf(row, of.title)?.slice(0, 300).toWellFormed() ?? null,
    }),
    skip,
  );
  const { stored, ids: known } = await importChats(tx, { channel, botId }, chats);
  remember(ids, chats, known);
  for (let n = stored; n < chats.length; n += 1) skip('is there already');
  return stored;
}

async function takeUsers(
  tx: Queries,
  botId: string,
  rows: readonly Row[],
  ids: Map<string, string>,
  skip: (why: string) => void,
): Promise<number> {
  const of = columns.users;
  const users = named(
    rows,
    of,
    (row, externalId) => {
      const isBot = /^(t|true|1)$/i.test(textOf(row, of.isBot) ?? '');
      return {
        name: (textOf(row, of.name) ?? [textOf(row, of.first), textOf(row, of.last)].filter(Boolean).join(' '))
          .slice(0, 300)
          .toWellFormed(),
        username: textOf(row, of.username)?.slice(0, 64).toWellFormed() ?? null,
        phone: toE164(textOf(row, of.phone) ?? ''),
        role:
          oneOf(UserRole.options, textOf(row, of.role)) ?? (externalId === botId ? 'assistant_bot' : isBot ? 'broadcast_bot' : 'client'),
        at: timeOf(row, of.at) ?? new Date(),
      };
    },
    skip,
  );
  const { stored, ids: known } = await importPeople(tx, channel, users);
  remember(ids, users, known);
  for (let n = stored; n < users.length; n += 1) skip('is there already');
  return stored;
}

async function takeMessages(
  tx: Queries,
  botId: string,
  rows: readonly Row[],
  ids: { readonly chats: ReadonlyMap<string, string>; readonly users: ReadonlyMap<string, string> },
  skip: (why: string) => void,
): Promise<number> {
  const of = columns.messages;
  const messages = rows.flatMap((row) => {
    const externalId = integerOf(row, of.id);
    const chatId = ids.chats.get(textOf(row, of.chat) ?? '');
    const at = timeOf(row, of.at);
    const why = externalId === null ? 'has no id of Telegram' : chatId === undefined ? 'its chat is not among the chats' : 'has no time';
    if (externalId === null || chatId === undefined || at === null) {
      skip(why);
      return [];
    }
    const kind = oneOf(MessageKind.options, textOf(row, of.kind)) ?? (textOf(row, of.kind) === null ? 'text' : 'other');
    const sender = ids.users.get(textOf(row, of.sender) ?? '') ?? null;
    const cut = (long: string): string => long.slice(0, 131_072).toWellFormed();
    const transcript = textOf(row, of.transcript);
    const words = { text: cut(textOf(row, of.text) ?? ''), transcript: transcript === null ? null : cut(transcript) };
    return [{ externalId, chatId, sender, kind, ...words, replyTo: textOf(row, of.replyTo), at }];
  });
  const taken = await importMessages(tx, { channel, botId }, messages);
  for (let n = taken; n < messages.length; n += 1) skip('is there already');
  return taken;
}

/** The tables of the older hub's database, each as it is when it is begun: that hub may run on meanwhile. */
export function fromPostgres(old: PostgresStore): OldHub {
  return async (table, take) => {
    const [found] = await old.query<{ rows: number }>(
      `select greatest(reltuples, 1)::float8 as rows from pg_class where oid = to_regclass($1)`,
      [`public.${table}`],
    );
    if (found === undefined) throw missing(`table ${table}`);
    await old.session(async (session) => {
      await session.run(`set idle_in_transaction_session_timeout = 0; begin read only;
        declare old_rows no scroll cursor for select to_jsonb(old_row) as row from public.${table} old_row`);
      for (let read = 0; ; ) {
        const rows = await session.query<{ row: Row }>(`fetch ${atOnce} from old_rows`);
        read += rows.length;
        const isEnd = rows.length < atOnce;
        await take(
          rows.map(({ row }) => row),
          isEnd ? 1 : Math.min(0.99, read / found.rows),
        );
        if (isEnd) return;
      }
    });
  };
}

/** chats.csv, users.csv and messages.csv of a folder, as `\copy … csv header` writes them. */
export function fromCsv(dir: string): OldHub {
  return async (table, take) => {
    const file = join(dir, `${table}.csv`);
    if (!existsSync(file)) throw missing(file);
    const { size } = statSync(file);
    const stream = createReadStream(file, 'utf8');
    let rows: Row[] = [];
    for await (const row of csvRows(stream)) {
      rows.push(row);
      if (rows.length < atOnce) continue;
      await take(rows, Math.min(0.99, stream.bytesRead / size));
      rows = [];
    }
    await take(rows, 1);
  };
}
const missing = (what: string) =>
  new PolybError('failed_precondition', `There is no ${what}: an older hub has chats, users and messages.`, { reason: 'no_such_table' });

/** Draws on stderr, on one line where that is a terminal. */
function bar(table: Table, done: number, read: number): void {
  const width = 30;
  const filled = Math.round(done * width);
  const line = `${table.padEnd(8)} [${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${String(Math.round(done * 100)).padStart(3)} %  ${read}`;
  process.stderr.write(process.stderr.isTTY ? `\r${line}${done >= 1 ? '\n' : ''}` : `${line}\n`);
}

const help = `npx node scripts/migrate-from-old.ts --from postgres://user@host/database [--bot ID]
npx node scripts/migrate-from-old.ts --csv DIR [--bot ID]

Imports the chats, users and messages of an older hub into the database of DATABASE_URL. An interrupted import can be started again.

  --from URL  the older hub's database, with the tables chats, users and messages
  --csv DIR   a folder with chats.csv, users.csv and messages.csv, as \\copy … csv header writes them
  --bot ID    whose chats these are: the number before the colon of the bot's token; that of TELEGRAM_BOT_TOKENS unless given`;

async function main(): Promise<void> {
  const values = optionsOf(help, { from: { type: 'string' }, csv: { type: 'string' }, bot: { type: 'string' } });
  if ((values.from === undefined) === (values.csv === undefined)) refuse('Name one source, --from or --csv.', help);
  if (values.from !== undefined && !database.settings.safeParse({ DATABASE_URL: values.from }).success)
    refuse('--from: expected a URL that begins with postgres:// or postgresql://.', help);
  const { DATABASE_URL: url } = read([database]).of(database);
  if (url === undefined) throw new PolybError('failed_precondition', 'DATABASE_URL is not set: it names the database of the import.');
  const botId = values.bot ?? lookup(['TELEGRAM_BOT_TOKENS', 'TELEGRAM_BOT_TOKEN'])?.split(':')[0];
  if (botId === undefined || !/^\d+$/.test(botId))
    throw new PolybError(
      'invalid_argument',
      '--bot is missing: the id of the bot of these chats, the number before the colon of its token.',
    );
  const store = openStore({ url, name: 'polyb-migrate-from-old', log: quiet, connections: 2 });
  const old =
    values.from === undefined ? undefined : openStore({ url: values.from, name: 'polyb-migrate-from-old', log: quiet, connections: 2 });
  try {
    const taken = await importOld(store, old ? fromPostgres(old) : fromCsv(values.csv as string), { botId, progress: bar });
    for (const [table, { read, taken: count, skipped }] of Object.entries(taken)) {
      console.log(`${table}: ${read} read, ${count} taken`);
      for (const [why, times] of Object.entries(skipped)) console.log(`  ${times} skipped: ${why}`);
    }
  } finally {
    await store.close();
    await old?.close();
  }
}

if (import.meta.main)
  await main().catch((thrown: unknown) => {
    const error = toPolybError(thrown);
    process.stderr.write(`${error === thrown ? error.message : Error.isError(thrown) ? (thrown as Error).message : String(thrown)}\n`);
    process.exitCode = exitOf(error);
  });

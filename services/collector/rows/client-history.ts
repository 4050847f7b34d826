/** What was said with a customer, in every channel: messages and notes of the staff on one line of time. */
import type { Queries } from '../../../bus/service.ts';
import type { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { cursorOf, listOf, placeOf, timeAt, usOf } from '../cursor.ts';
import { findClient } from './customers.ts';
import { type Columns, columns, fitting, shown, tables } from './messages.ts';
import { parameters, seenChats, type Viewer } from './seen.ts';

type Page = OutputOf<typeof inbox.client_history>;
type Note = NonNullable<Page['items'][number]['note']>;
interface Entry {
  /** Sorts entries of one time: `m` and the number of a message, or the id of a note. */
  readonly id: string;
  readonly at_us: string;
}
/** Digits of a message's number: as text it then sorts as a number does. */
const digits = 19;

/** A page, newest first. Null if there is no such customer, or the person who looks may not see them. */
export async function clientHistory(
  db: Queries,
  customerId: string,
  { viewer, limit, cursor }: { readonly viewer?: Viewer; readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page | null> {
  const client = await findClient(db, customerId, viewer);
  if (client === null) return null;
  const list = listOf('history', { customerId: client.customerId, viewer });
  const place = placeOf(cursor, list);
  const { values, value } = parameters();
  const isSeen = ['chats.merged_into is null', ...seenChats(viewer, 'chats', value)].join(' and ');
  const most = value(limit + 1);
  const before = place === undefined ? null : { at: timeAt(value(place.atUs)), id: value(place.id) };
  const isBefore = (at: string, id: string): string =>
    before === null ? 'true' : `${at} <= ${before.at} and (${at}, ${id}) < (${before.at}, ${before.id})`;
  const messageId = `'m' || lpad(message.seq::text, ${digits}, '0') collate "C"`;
  const newest = (where: string): string => `select ${messageId} as id, message.sent_at as at from collector.messages message
    where ${where} and ${isBefore('message.sent_at', messageId)} order by message.sent_at desc, message.seq desc limit ${most}`;
  const entries = await db.query<Entry>(
    `with people as materialized (
       select user_id from collector.users where user_id = any (${value([client.customerId, ...client.mergedIds])})
         or (role = 'client' and phone_number = ${value(client.phoneNumber)}::text)
     ), rooms as materialized (
       select chats.chat_id, chats.kind = 'private' as is_private from collector.chats
       where chats.chat_id in (select chat_id from collector.chat_members join people using (user_id)) and ${isSeen}
     ), entries as (
       select said.* from rooms cross join lateral (${newest('message.chat_id = rooms.chat_id')}) said where rooms.is_private
       union all
       select said.* from rooms cross join people cross join lateral (
         ${newest('message.sender_id = people.user_id and message.chat_id = rooms.chat_id')}) said where not rooms.is_private
       union all
       select noted.* from rooms cross join lateral (
         select note.note_id as id, note.at from collector.notes note where note.chat_id = rooms.chat_id and ${isBefore('note.at', 'note.note_id')}
         order by note.at desc, note.note_id desc limit ${most}) noted where rooms.is_private
     )
     select id, ${usOf('at')} as at_us from entries order by at desc, id collate "C" desc limit ${most}`,
    values,
  );
  const page = entries.slice(0, limit);
  const [messages, notes] = await Promise.all([
    db.query<Columns>(`select ${columns} from ${tables} where message.seq = any ($1::bigint[])`, [
      page.filter(({ id }) => id.startsWith('m')).map(({ id }) => id.slice(1)),
    ]),
    db.query<Omit<Note, 'at'> & { readonly at: Date }>(
      'select note_id as "noteId", chat_id as "chatId", text, who, at from collector.notes where note_id = any ($1)',
      [page.filter(({ id }) => !id.startsWith('m')).map(({ id }) => id)],
    ),
  ]);
  const found = new Map<string, Page['items'][number]>([
    ...messages.map((row) => [idOf(row), { at: row.sent_at.toISOString(), message: shown(row), note: null }] as const),
    ...notes.map((note) => {
      const at = note.at.toISOString();
      return [note.noteId, { at, message: null, note: { ...note, at } }] as const;
    }),
  ]);
  // An entry may have been erased since the first statement.
  const rest = page.flatMap((entry) => {
    const item = found.get(entry.id);
    return item === undefined ? [] : [{ entry, item }];
  });
  const items = fitting(rest.map(({ item }) => item));
  const last = rest[items.length - 1]?.entry;
  const isMore = last !== undefined && (entries.length > limit || items.length < rest.length);
  return { items, nextCursor: isMore ? cursorOf({ atUs: last.at_us, id: last.id, isFuzzy: false }, list) : null };
}
const idOf = ({ seq }: Columns): string => `m${seq.padStart(digits, '0')}`;

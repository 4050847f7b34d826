import type { ChannelName, Status } from '../../../adapters/channel/port.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { cursorOf, listOf, placeOf, timeAt, usOf } from '../cursor.ts';
import { seqOf } from './messages.ts';
import { parameters, seenMessages, type Viewer } from './seen.ts';

/** Statuses arrive in any order and repeatedly; the status of an outbound message only moves forward. */
const rank = { sent: 1, delivered: 2, read: 3, played: 4, failed: 5 } as const satisfies Record<Status, number>;

interface StatusUpdate {
  readonly externalId: string;
  readonly status: Status;
  readonly errorCode: string | null;
  /** Unix ms. */
  readonly at: number;
}
export async function putStatuses(
  tx: Tx,
  { channel, botId }: { channel: ChannelName; botId: string },
  told: readonly StatusUpdate[],
): Promise<void> {
  if (told.length === 0) return;
  const highest = [...Map.groupBy(told, ({ externalId }) => externalId).values()].map((of) =>
    of.reduce((a, b) => (rank[b.status] > rank[a.status] ? b : a)),
  );
  const rows = highest
    .map((one) => ({
      external_id: one.externalId,
      status: one.status,
      rank: rank[one.status],
      error_code: one.errorCode,
      at: new Date(one.at),
    }))
    .sort((a, b) => (a.external_id < b.external_id ? -1 : 1));
  const climbed = await tx.query<{ external_id: string; status: Status; error_code: string | null; at: Date }>(
    `insert into collector.message_statuses as is_now (channel, bot_id, external_id, status, rank, error_code, at, reported_at)
     select $1, $2, external_id, status, rank, error_code, at, clock_timestamp()
     from json_to_recordset($3) as row (external_id text, status text, rank int, error_code text, at timestamptz)
     on conflict (channel, bot_id, external_id) do update
       set status = excluded.status, rank = excluded.rank, error_code = excluded.error_code, at = excluded.at, reported_at = excluded.reported_at
       where excluded.rank > is_now.rank
     returning external_id, status, error_code, at`,
    [channel, botId, JSON.stringify(rows)],
  );
  for (const { external_id, status, error_code, at } of climbed)
    tx.emit(inbox.message_status, { channel, botId, externalId: external_id, status, errorCode: error_code, at: at.toISOString() });
}

type Page = OutputOf<typeof inbox.list_deliveries>;
type DeliveryRow = Omit<Page['items'][number], 'at'> & { readonly at: Date; readonly seq: string; readonly reported_us: string };

/** A page of the statuses of stored messages, latest report first. */
export async function pageOfDeliveries(
  db: Queries,
  wanted: { readonly chatId?: string | undefined; readonly viewer?: Viewer },
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page> {
  const list = listOf('deliveries', wanted);
  const place = placeOf(cursor, list);
  const { values, value } = parameters();
  const where = [
    `message.direction = 'out'`,
    ...(wanted.chatId === undefined ? [] : [`message.chat_id = ${value(wanted.chatId)}`]),
    ...(place === undefined ? [] : [`(status.reported_at, message.seq) < (${timeAt(value(place.atUs))}, ${value(seqOf(place))}::bigint)`]),
    ...seenMessages(wanted.viewer, 'message.chat_id', value),
  ].join(' and ');
  const rows = await db.query<DeliveryRow>(
    `select message.message_id as "messageId", message.chat_id as "chatId", status.status, status.error_code as "errorCode", status.at,
       message.seq::text, ${usOf('status.reported_at')} as reported_us
     from collector.message_statuses status
     join collector.messages message on (message.channel, message.bot_id, message.external_id) = (status.channel, status.bot_id, status.external_id)
     where ${where} order by status.reported_at desc, message.seq desc limit ${value(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map(({ seq: _, reported_us: __, at, ...item }) => ({ ...item, at: at.toISOString() })),
    nextCursor: last !== undefined && rows.length > limit ? cursorOf({ atUs: last.reported_us, id: last.seq, isFuzzy: false }, list) : null,
  };
}

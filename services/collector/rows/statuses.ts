import type { ChannelName, Status } from '../../../adapters/channel/port.ts';
import type { Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';

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
    `insert into collector.message_statuses as is_now (channel, bot_id, external_id, status, rank, error_code, at)
     select $1, $2, external_id, status, rank, error_code, at
     from json_to_recordset($3) as row (external_id text, status text, rank int, error_code text, at timestamptz)
     on conflict (channel, bot_id, external_id) do update
       set status = excluded.status, rank = excluded.rank, error_code = excluded.error_code, at = excluded.at
       where excluded.rank > is_now.rank
     returning external_id, status, error_code, at`,
    [channel, botId, JSON.stringify(rows)],
  );
  for (const { external_id, status, error_code, at } of climbed)
    tx.emit(inbox.message_status, { channel, botId, externalId: external_id, status, errorCode: error_code, at: at.toISOString() });
}

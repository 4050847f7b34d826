import type { Intake } from '../../adapters/channel/port.ts';
import type { Handler, Queries } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { UpdateIntake } from './intake.ts';

/** Reprocesses raw updates of a time range, oldest first. Stored messages stay unchanged, so a replay may be repeated. */
export function replayUpdates(
  db: Queries,
  intakes: ReadonlyMap<string, Pick<Intake, 'read'>>,
  { take }: UpdateIntake,
): Handler<typeof inbox.replay_updates> {
  return async ({ channel, botId, since, until, limit, cursor }) => {
    if (cursor !== undefined && !/^\d{1,18}$/.test(cursor))
      throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page, unchanged.');
    const reader = intakes.get(channel);
    const rows = await db.query<{ id: string; bot_id: string; body: string }>(
      `select id::text, bot_id, body from collector.raw_updates
       where channel = $1 and received_at >= $2 and received_at < $3 and ($4::text is null or bot_id = $4) and id > $5
       order by raw_updates.id limit $6`,
      [channel, since, until, botId ?? null, cursor ?? '0', limit],
    );
    let messages = 0;
    for (const row of reader === undefined ? [] : rows)
      messages += (
        await take(channel, { botId: row.bot_id, updates: [reader?.read(row.bot_id, row.body)].filter((each) => each !== undefined) })
      ).messages;
    return { updates: rows.length, messages, nextCursor: rows.length === limit ? (rows.at(-1)?.id ?? null) : null };
  };
}

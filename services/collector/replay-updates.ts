import type { Intake } from '../../adapters/channel/port.ts';
import type { Handler, Queries } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { UpdateIntake } from './intake.ts';
import { rawUpdates } from './rows/raw-updates.ts';

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
    const rows = await rawUpdates(db, { channel, botId, since, until }, { after: cursor ?? '0', limit });
    let messages = 0;
    for (const row of reader === undefined ? [] : rows)
      messages += (
        await take(channel, { botId: row.botId, updates: [reader?.read(row.botId, row.body)].filter((each) => each !== undefined) })
      ).messages;
    return { updates: rows.length, messages, nextCursor: rows.length === limit ? (rows.at(-1)?.id ?? null) : null };
  };
}

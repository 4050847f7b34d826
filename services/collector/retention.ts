import { every, type Loop, type Queries } from '../../bus/service.ts';
import { doomOldFiles } from './files.ts';

/** Rows that one statement removes, so that no transaction is long. */
const batch = 5_000;

/** Forgets what was kept long enough, table by table. */
export function retention(
  db: Queries,
  days: { readonly raw: number; readonly messages: number; readonly voices: number; readonly files: number },
): readonly Loop[] {
  /** Repeats until the statement, whose second parameter is how many rows it may take, takes fewer. */
  const sweep = async (text: string, keepDays: number, signal: AbortSignal): Promise<void> => {
    for (let taken = batch; taken === batch && !signal.aborted; ) taken = (await db.query(text, [keepDays, batch])).length;
  };
  return [
    every('forget_raw_updates', '13 2 * * *', (signal) =>
      sweep(
        `delete from collector.raw_updates where id in (
           select id from collector.raw_updates where received_at < now() - $1 * interval '1 day' limit $2) returning 1`,
        days.raw,
        signal,
      ),
    ),
    every('forget_messages', '23 2 * * *', (signal) =>
      sweep(
        `delete from collector.messages where seq in (
           select seq from collector.messages where sent_at < now() - $1 * interval '1 day' order by sent_at limit $2) returning 1`,
        days.messages,
        signal,
      ),
    ),
    // What was stored before the oldest message that may be left was also sent before it.
    every('forget_feed', '28 2 * * *', (signal) =>
      sweep(
        `delete from collector.feed where position in (
           select position from collector.feed where stored_at < now() - $1 * interval '1 day' order by stored_at, position limit $2) returning 1`,
        days.messages,
        signal,
      ),
    ),
    every('forget_files', '38 2 * * *', (signal) => doomOldFiles(db, days.files, signal)),
    every('forget_recordings', '33 2 * * *', (signal) =>
      sweep(
        `update collector.voices set body = null, state = case when state = 'heard' then 'heard' else 'gone' end where message_id in (
           select voice.message_id from collector.voices voice join collector.messages using (message_id)
           where voice.body is not null and sent_at < now() - $1 * interval '1 day' limit $2) returning 1`,
        days.voices,
        signal,
      ),
    ),
    every('forget_statuses', '43 2 * * *', (signal) =>
      sweep(
        `delete from collector.message_statuses where (channel, bot_id, external_id) in (
           select channel, bot_id, external_id from collector.message_statuses where at < now() - $1 * interval '1 day' limit $2) returning 1`,
        days.raw,
        signal,
      ),
    ),
  ];
}

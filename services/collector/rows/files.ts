/**
 * Files of messages.
 *
 * Glossary: a file is *wanted* until it is fetched, *kept* while its blob exists, *gone* when it cannot be fetched, *doomed* until its blob is deleted.
 */
import type { ReadFile } from '../../../adapters/channel/port.ts';
import type { Queries } from '../../../bus/service.ts';
import type { Media } from '../../../contracts/choices.ts';
import { parameters, seenOfMessages, type Viewer } from './seen.ts';

/** How long a file in progress is reserved for one process. */
const claimMs = 180_000;
/** Rows per statement. */
const batch = 1_000;

/** Queues the files of newly stored messages. */
export async function wantFiles(
  tx: Queries,
  { channel, botId }: { readonly channel: string; readonly botId: string },
  stored: readonly { readonly messageId: string; readonly files: readonly ReadFile[] }[],
): Promise<void> {
  const rows = stored.flatMap(({ messageId, files }) =>
    files.slice(0, 100).map((file, n) => ({
      message_id: messageId,
      n,
      file_id: file.id,
      kind: file.kind,
      name: file.name?.slice(0, 300) ?? null,
      content_type: file.contentType.slice(0, 100),
      bytes: file.bytes,
      duration_ms: file.durationMs,
    })),
  );
  if (rows.length === 0) return;
  await tx.query(
    `insert into collector.files (message_id, n, channel, bot_id, file_id, kind, name, content_type, bytes, duration_ms)
     select message_id, n, $1, $2, file_id, kind, name, content_type, bytes, duration_ms from json_to_recordset($3) as row
       (message_id text, n int, file_id text, kind text, name text, content_type text, bytes bigint, duration_ms bigint)
     on conflict do nothing`,
    [channel, botId, JSON.stringify(rows)],
  );
}

/** Queues the file of an outbound message, to be copied from the blob that was sent. */
export async function wantCopy(
  tx: Queries,
  { channel, botId }: { readonly channel: string; readonly botId: string },
  {
    messageId,
    kind,
    blob,
    name,
  }: { readonly messageId: string; readonly kind: ReadFile['kind']; readonly blob: Media['blob']; readonly name: string | null },
): Promise<void> {
  await tx.query(
    `insert into collector.files (message_id, n, channel, bot_id, file_id, kind, name, content_type, bytes, is_own)
     values ($1, 0, $2, $3, $4, $5, $6, $7, $8, true) on conflict do nothing`,
    [messageId, channel, botId, blob.blobId, kind, name, blob.contentType, blob.bytes],
  );
}

/** Marks all files of the messages as doomed; their blobs are deleted within seconds of the commit. */
export async function eraseFiles(tx: Queries, messageIds: readonly string[]): Promise<void> {
  await tx.query(`update collector.files set state = 'doomed', name = null, file_id = '', next_at = now() where message_id = any ($1)`, [
    messageIds,
  ]);
}

/** Marks files past their retention as doomed, and files whose message is gone or past its own. */
export async function doomOldFiles(db: Queries, keepDays: number, signal: AbortSignal): Promise<void> {
  for (let doomed = batch; doomed === batch; signal.throwIfAborted())
    doomed = (
      await db.query(
        `update collector.files set state = 'doomed', name = null, file_id = '', next_at = now() where (message_id, n) in (
           select message_id, n from collector.files file where state in ('kept', 'gone', 'wanted') and (
             created_at < now() - $1 * interval '1 day'
             or not exists (select from collector.messages message
               where message.message_id = file.message_id and sent_at >= now() - $1 * interval '1 day')) limit $2) returning 1`,
        [keepDays, batch],
      )
    ).length;
}

export interface FileRow {
  readonly blob_id: string | null;
  readonly content_type: string;
  readonly name: string | null;
  readonly kind: ReadFile['kind'];
  readonly state: 'wanted' | 'kept' | 'gone' | 'doomed';
  readonly bytes: number | null;
}

export async function findFile(db: Queries, messageId: string, n: number, viewer: Viewer): Promise<FileRow | null> {
  const { values, value } = parameters(messageId, n);
  const isSeen = ['message_id = $1 and n = $2', ...seenOfMessages(viewer, 'file.message_id', value)].join(' and ');
  const [row] = await db.query<FileRow>(
    `select blob_id, content_type, name, kind, state, bytes::float8 as bytes from collector.files file where ${isSeen}`,
    values,
  );
  return row ?? null;
}

export interface DueFile extends FileRow {
  readonly message_id: string;
  readonly n: number;
  readonly channel: string;
  readonly bot_id: string;
  readonly file_id: string;
  readonly attempts: number;
  /** `file_id` is a blob, of an outbound message. */
  readonly is_own: boolean;
}
/** Reserves a file to fetch, or whose blob is to be deleted; null if none is due. */
export async function takeDueFile(db: Queries): Promise<DueFile | null> {
  const [file] = await db.query<DueFile>(
    `update collector.files set next_at = now() + ${claimMs} * interval '1 millisecond'
     where (message_id, n) = (
       select message_id, n from collector.files where (state = 'doomed' or (state = 'wanted' and kind <> 'voice')) and next_at <= now()
       order by next_at limit 1 for update skip locked)
     returning message_id, n, channel, bot_id, file_id, content_type, name, kind, state, blob_id, bytes::float8 as bytes, attempts, is_own`,
  );
  return file ?? null;
}
/** Changes the file unless it has another state by now. @param text the `set` clause; its parameters begin with $4 */
export async function setFile(db: Queries, file: DueFile, text: string, ...values: readonly unknown[]): Promise<boolean> {
  const set = await db.query(`update collector.files set ${text} where message_id = $1 and n = $2 and state = $3 returning 1`, [
    ...[file.message_id, file.n, file.state],
    ...values,
  ]);
  return set.length > 0;
}
export async function removeDoomed(db: Queries, { message_id, n }: DueFile): Promise<void> {
  await db.query(`delete from collector.files where message_id = $1 and n = $2 and state = 'doomed'`, [message_id, n]);
}

/**
 * Files of messages: fetched from their channel into blobs, read in parts, and deleted. Recordings are fetched for transcription (voices.ts) and stored there.
 *
 * Glossary: a file is *wanted* until it is fetched, *kept* while its blob exists, *gone* when it cannot be fetched, *doomed* until its blob is deleted.
 */
import { Readable } from 'node:stream';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Intake, ReadFile } from '../../adapters/channel/port.ts';
import { newId } from '../../bus/durable/identity.ts';
import { type Database, type Log, type Loop, loop, type Queries } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { isPolybError, PolybError, toPolybError } from '../../contracts/kit/errors.ts';

/** Failures after which a file is given up. */
const patience = 6;
/** How long a file in progress is reserved for one process. */
const claimMs = 180_000;
/** Rows per statement. */
const batch = 1_000;

type Part = OutputOf<typeof inbox.read_file>;

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

interface Row {
  readonly blob_id: string | null;
  readonly content_type: string;
  readonly name: string | null;
  readonly kind: ReadFile['kind'];
  readonly state: 'wanted' | 'kept' | 'gone' | 'doomed';
  readonly bytes: number | null;
}
interface Span {
  readonly offset: number;
  readonly length: number;
}
/**
 * Reads a part of a file. @throws PolybError not_found; failed_precondition/not_kept while it is being fetched, or if it could not be
 * fetched.
 */
export async function readFile(
  { db, blobs }: { readonly db: Queries; readonly blobs: Pick<Blobs, 'read'> },
  { messageId, n, ...at }: Span & { readonly messageId: string; readonly n: number },
  signal: AbortSignal,
): Promise<Part> {
  const [row] = await db.query<Row>(
    `select blob_id, content_type, name, kind, state, bytes::float8 as bytes from collector.files where message_id = $1 and n = $2`,
    [messageId, n],
  );
  if (row === undefined || row.state === 'doomed') throw missing(messageId);
  if (row.kind === 'voice') return readVoice(db, { messageId, ...at });
  const body = row.state === 'kept' && row.blob_id !== null ? await blobs.read(row.blob_id, at, signal) : null;
  if (body === null || row.blob_id === null) throw notKept(row.state === 'wanted');
  return { contentType: row.content_type, name: row.name, bytes: row.bytes ?? body.length, version: row.blob_id, body };
}

/** Reads a part of a recording, which is stored in its row. Fails like `readFile`. */
export async function readVoice(db: Queries, { messageId, offset, length }: Span & { readonly messageId: string }): Promise<Part> {
  const [row] = await db.query<{ content_type: string; body: Uint8Array | null; bytes: number | null; state: string }>(
    `select content_type, substring(body from $2::int + 1 for $3::int) as body, length(body) as bytes, state from collector.voices where message_id = $1`,
    [messageId, offset, length],
  );
  if (row === undefined) throw missing(messageId);
  if (row.body === null || row.bytes === null) throw notKept(row.state === 'wanted');
  return { contentType: row.content_type, name: null, bytes: row.bytes, version: messageId, body: row.body };
}

const missing = (messageId: string) => new PolybError('not_found', `Message ${messageId} has no such file.`);
const notKept = (isWanted: boolean) =>
  new PolybError(
    'failed_precondition',
    isWanted ? 'The file is still being fetched; try again.' : 'The file could not be fetched from its channel, or it is too large.',
    { reason: 'not_kept' },
  );

interface DueFile extends Row {
  readonly message_id: string;
  readonly n: number;
  readonly channel: string;
  readonly bot_id: string;
  readonly file_id: string;
  readonly attempts: number;
}
/**
 * One file per turn: fetches it, or deletes its blob. A file missing in its channel is given up; other failures are retried with
 * growing pauses.
 */
export function followFiles({
  db,
  blobs,
  log,
  intakes,
  maxBytes,
}: {
  readonly db: Database;
  readonly blobs: Blobs;
  readonly log: Log;
  readonly intakes: ReadonlyMap<string, Pick<Intake, 'fetchFile'>>;
  readonly maxBytes: number;
}): Loop {
  const set = (file: DueFile, text: string, ...values: readonly unknown[]) =>
    db.query(`update collector.files set ${text} where message_id = $1 and n = $2 and state = $3 returning 1`, [
      file.message_id,
      file.n,
      file.state,
      ...values,
    ]);
  const fetch = async (file: DueFile, signal: AbortSignal): Promise<void> => {
    const intake = intakes.get(file.channel);
    if (intake?.fetchFile === undefined || (file.bytes !== null && file.bytes > maxBytes)) return void (await set(file, `state = 'gone'`));
    const body = await intake.fetchFile(file.bot_id, file.file_id, { maxBytes, signal });
    const blobId = newId('blob');
    // Stored before the blob is written: if the process dies in between, the blob can still be found.
    if ((await set(file, 'blob_id = $4', blobId)).length === 0) return;
    const { bytes } = await blobs.put(blobId, Readable.from([body]), signal);
    const kept = await set(file, `state = 'kept', bytes = $4, attempts = 0`, bytes);
    // It was marked as doomed meanwhile, and its row may be gone.
    if (kept.length === 0) await blobs.remove(blobId, signal);
  };
  const remove = async (file: DueFile, signal: AbortSignal): Promise<void> => {
    if (file.blob_id !== null) await blobs.remove(file.blob_id, signal);
    await db.query(`delete from collector.files where message_id = $1 and n = $2 and state = 'doomed'`, [file.message_id, file.n]);
  };

  return loop('follow_files', { idleMs: 1_000 }, async (signal) => {
    const [file] = await db.query<DueFile>(
      `update collector.files set next_at = now() + ${claimMs} * interval '1 millisecond'
       where (message_id, n) = (
         select message_id, n from collector.files where (state = 'doomed' or (state = 'wanted' and kind <> 'voice')) and next_at <= now()
         order by next_at limit 1 for update skip locked)
       returning message_id, n, channel, bot_id, file_id, content_type, name, kind, state, blob_id, bytes::float8 as bytes, attempts`,
    );
    if (file === undefined) return 'idle';
    try {
      if (file.state === 'doomed') await remove(file, signal);
      else await fetch(file, signal);
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (signal.aborted || error.reason === 'store_down') throw thrown;
      if (file.state === 'wanted' && (isFinal(thrown) || file.attempts + 1 >= patience)) {
        log.warn({ err: thrown, messageId: file.message_id, n: file.n }, 'fetching a file failed for good');
        await set(file, `state = 'gone'`);
      } else
        await set(
          file,
          `attempts = $4, next_at = now() + $5 * interval '1 millisecond'`,
          file.attempts + 1,
          error.retryAfterMs ?? 1_000 * 4 ** Math.min(file.attempts, patience),
        );
    }
    return 'more';
  });
}
/** The channel will never return it. */
const isFinal = (thrown: unknown): boolean =>
  isPolybError(thrown) &&
  (thrown.reason === 'reply_too_large' || ['not_found', 'invalid_argument', 'failed_precondition'].includes(thrown.code)) &&
  thrown.reason !== 'upstream_credentials' &&
  thrown.reason !== 'no_token';

import { Readable } from 'node:stream';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Intake } from '../../adapters/channel/port.ts';
import { newId } from '../../bus/durable/identity.ts';
import { type Database, type Log, type Loop, loop } from '../../bus/service.ts';
import { isPolybError, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { type DueFile, removeDoomed, setFile, takeDueFile } from './rows/files.ts';

/** Failures after which a file is given up. */
const patience = 6;

/**
 * One file per turn: fetches it, or deletes its blob. A file missing in its channel is given up; other failures are retried with
 * growing pauses.
 */
export function fetchFiles({
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
  /** Null for a file that cannot be had. */
  const bodyOf = async (file: DueFile, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> => {
    if (file.is_own) return partsOf(file.file_id, blobs, signal);
    const intake = intakes.get(file.channel);
    if (intake?.fetchFile === undefined || (file.bytes !== null && file.bytes > maxBytes)) return null;
    return Readable.from([await intake.fetchFile(file.bot_id, file.file_id, { maxBytes, signal })]);
  };
  const fetch = async (file: DueFile, signal: AbortSignal): Promise<void> => {
    const body = await bodyOf(file, signal);
    if (body === null) return void (await setFile(db, file, `state = 'gone'`));
    const blobId = newId('blob');
    // Stored before the blob is written: if the process dies in between, the blob can still be found.
    if (!(await setFile(db, file, 'blob_id = $4', blobId))) return;
    const { bytes } = await blobs.put(blobId, body, signal);
    const isKept = await setFile(db, file, `state = 'kept', bytes = $4, attempts = 0`, bytes);
    // It was marked as doomed meanwhile, and its row may be gone.
    if (!isKept) await blobs.remove(blobId, signal);
  };
  const remove = async (file: DueFile, signal: AbortSignal): Promise<void> => {
    if (file.blob_id !== null) await blobs.remove(file.blob_id, signal);
    await removeDoomed(db, file);
  };

  return loop('follow_files', { idleMs: 1_000 }, async (signal) => {
    const file = await takeDueFile(db);
    if (file === null) return 'idle';
    try {
      if (file.state === 'doomed') await remove(file, signal);
      else await fetch(file, signal);
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (signal.aborted || error.reason === 'store_down') throw thrown;
      if (file.state === 'wanted' && (isFinal(thrown) || file.attempts + 1 >= patience)) {
        log.warn({ err: thrown, messageId: file.message_id, n: file.n }, 'fetching a file failed for good');
        await setFile(db, file, `state = 'gone'`);
      } else
        await setFile(
          db,
          file,
          `attempts = $4, next_at = now() + $5 * interval '1 millisecond'`,
          file.attempts + 1,
          error.retryAfterMs ?? 1_000 * 4 ** Math.min(file.attempts, patience),
        );
    }
    return 'more';
  });
}
const partBytes = 262_144;
/** The bytes of a blob. @throws PolybError not_found when it is no longer stored. */
async function* partsOf(blobId: string, blobs: Pick<Blobs, 'read'>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for (let offset = 0; ; offset += partBytes) {
    const part = await blobs.read(blobId, { offset, length: partBytes }, signal);
    if (part === null) throw new PolybError('not_found', 'The blob of an outbound file is no longer stored.');
    yield part;
    if (part.length < partBytes) return;
  }
}
/** The channel will never return it. */
const isFinal = (thrown: unknown): boolean =>
  isPolybError(thrown) &&
  (thrown.reason === 'reply_too_large' || ['not_found', 'invalid_argument', 'failed_precondition'].includes(thrown.code)) &&
  thrown.reason !== 'upstream_credentials' &&
  thrown.reason !== 'no_token';

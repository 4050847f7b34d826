/** Reading of files, in parts. A recording is stored in its row, any other file in a blob. */
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Queries } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { findFile } from './rows/files.ts';
import type { Viewer } from './rows/seen.ts';
import { findVoice } from './rows/voices.ts';

type Part = OutputOf<typeof inbox.read_file>;
interface Wanted {
  readonly messageId: string;
  readonly viewer?: Viewer;
  readonly offset: number;
  readonly length: number;
}
/**
 * Reads a part of a file. @throws PolybError not_found; failed_precondition/not_kept while it is being fetched, or if it could not be
 * fetched.
 */
export async function readFile(
  { db, blobs }: { readonly db: Queries; readonly blobs: Pick<Blobs, 'read'> },
  { n, ...wanted }: Wanted & { readonly n: number },
  signal: AbortSignal,
): Promise<Part> {
  const { messageId, viewer, ...at } = wanted;
  const row = await findFile(db, messageId, n, viewer);
  if (row === null || row.state === 'doomed') throw missing(messageId);
  if (row.kind === 'voice') return readVoice(db, wanted);
  const body = row.state === 'kept' && row.blob_id !== null ? await blobs.read(row.blob_id, at, signal) : null;
  if (body === null || row.blob_id === null) throw notKept(row.state === 'wanted');
  return { contentType: row.content_type, name: row.name, bytes: row.bytes ?? body.length, version: row.blob_id, body };
}

/** Reads a part of a recording, which is stored in its row. Fails like `readFile`. */
export async function readVoice(db: Queries, { messageId, viewer, offset, length }: Wanted): Promise<Part> {
  const row = await findVoice(db, messageId, { offset, length, viewer });
  if (row === null) throw missing(messageId);
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

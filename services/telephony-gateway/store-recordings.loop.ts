import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Notifier } from '../../bus/durable/notifier.ts';
import { type Log, type Loop, loop, type Queries } from '../../bus/service.ts';
import { wavHeader } from '../../media/audio/wav.ts';
import { type FinishedRecording, finishedRecordings, markMissing, markStored } from './recording-rows.ts';

const batch = 5;
const idleMs = 5_000;
/** Size of the header that the recorder writes. */
const headerBytes = 44;
const format = { rateHz: 8000, channels: 2 } as const;

/**
 * Moves finished recordings from the disk of their holder to the blob store. Every process runs this loop; two processes that store one
 * recording write the same bytes under the same id.
 */
export function storeRecordings({
  db,
  blobs,
  finished,
  log,
}: {
  readonly db: Queries;
  readonly blobs: Pick<Blobs, 'put'>;
  readonly finished: Notifier;
  readonly log: Log;
}): Loop {
  async function store({ recordingId, file }: FinishedRecording, signal: AbortSignal): Promise<void> {
    const size = await stat(file).then(
      (found) => found.size,
      () => null,
    );
    if (size === null) return markMissing(db, recordingId);
    const { bytes } = await blobs.put(recordingId, contentOf(file, size), signal);
    await markStored(db, recordingId, bytes);
    await rm(file, { force: true });
  }
  return loop('store_recordings', { idleMs: 0 }, async (signal) => {
    const waiting = await finishedRecordings(db, batch);
    let failed = 0;
    for (const each of waiting)
      await store(each, signal).catch((err: unknown) => {
        failed += 1;
        log.warn({ err, recordingId: each.recordingId }, 'a recording could not be stored and will be retried');
      });
    if (waiting.length < batch || failed > 0) await finished.wait(idleMs, signal);
    return 'more';
  });
}

/** The recording, with its header completed if the process died before writing the sizes. */
async function* contentOf(file: string, size: number): AsyncGenerator<Uint8Array> {
  yield wavHeader(format, Math.max(0, size - headerBytes));
  yield* createReadStream(file, { start: headerBytes }) as AsyncIterable<Uint8Array>;
}

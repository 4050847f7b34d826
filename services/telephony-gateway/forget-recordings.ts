import type { Blobs } from '../../adapters/blob/port.ts';
import type { Queries } from '../../bus/service.ts';
import { deleteRecording, recordingsStoredBefore } from './recording-rows.ts';

const batch = 100;
const removeMs = 30_000;

/** Deletes recordings stored before this time. The blob goes first; if the row is left over, the next run deletes it. */
export async function forgetRecordings({
  db,
  blobs,
  before,
}: {
  readonly db: Queries;
  readonly blobs: Pick<Blobs, 'remove'>;
  readonly before: Date;
}): Promise<void> {
  for (;;) {
    const old = await recordingsStoredBefore(db, before, batch);
    for (const recordingId of old) {
      await blobs.remove(recordingId, AbortSignal.timeout(removeMs));
      await deleteRecording(db, recordingId);
    }
    if (old.length < batch) return;
  }
}

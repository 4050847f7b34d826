import type { Blobs } from '../../adapters/blob/port.ts';
import type { Handler, Queries } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { telephony } from '../../contracts/telephony.ts';
import { sizeOf } from './recording-rows.ts';

export function readRecording(db: Queries, blobs: Pick<Blobs, 'read'>): Handler<typeof telephony.read_recording> {
  return async ({ recordingId, offset, length }, { signal }) => {
    const bytes = await sizeOf(db, recordingId);
    if (bytes === undefined) throw new PolybError('not_found', 'There is no such recording, or it has been deleted.');
    const body = bytes === null ? null : await blobs.read(recordingId, { offset, length }, signal);
    if (body === null || bytes === null)
      throw new PolybError('failed_precondition', 'The recording is not stored yet; try again when the call has ended.', {
        reason: 'not_kept',
        retryAfterMs: 2_000,
      });
    return { contentType: 'audio/wav', name: `${recordingId}.wav`, bytes, version: recordingId, body };
  };
}

/** Recordings of the legs that this process holds: stereo, the person at the phone on the left, this system on the right. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Leg, LegRecording } from '../../adapters/telephony/port.ts';
import { newId } from '../../bus/durable/identity.ts';
import type { Log, Queries } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { closeRecording, insertRecording } from './recording-rows.ts';

export interface Recordings {
  /** Begins the recording of a leg or resumes a paused one; returns its id. @throws PolybError unimplemented */
  begin(leg: Leg): Promise<string>;
  /** Records silence until the next `begin`. Returns the id; null without a recording. */
  pause(legId: string): string | null;
  idOf(legId: string): string | null;
  forget(legId: string): void;
}
interface Running {
  readonly recordingId: string;
  readonly recording: LegRecording;
}

export function recordLegs({
  db,
  folder,
  log,
  closed,
}: {
  readonly db: Queries;
  readonly folder: string;
  readonly log: Log;
  /** Called when a recording is ready to be stored. */
  readonly closed: () => void;
}): Recordings {
  const running = new Map<string, Running>();
  async function finish({ recordingId, recording }: Running): Promise<void> {
    const { error } = await recording.done;
    if (error !== null) log.error({ recordingId, reason: error }, 'a recording ended early; the call goes on');
    await closeRecording(db, recordingId);
    closed();
  }
  return {
    async begin(leg) {
      const known = running.get(leg.legId);
      if (known !== undefined) {
        known.recording.pause(false);
        return known.recordingId;
      }
      if (leg.media.record === undefined) throw new PolybError('unimplemented', 'This gateway cannot record legs.');
      const recordingId = newId('rec');
      const file = join(resolve(folder), `${recordingId}.wav`);
      await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
      // Insert the row first: a file without a row would never be found.
      await insertRecording(db, { recordingId, legId: leg.legId, file });
      const made = { recordingId, recording: leg.media.record(file) };
      running.set(leg.legId, made);
      finish(made).catch((err) => log.warn({ err, recordingId }, 'the end of a recording could not be stored; it will be detected later'));
      return recordingId;
    },
    pause(legId) {
      const known = running.get(legId);
      known?.recording.pause(true);
      return known?.recordingId ?? null;
    },
    idOf: (legId) => running.get(legId)?.recordingId ?? null,
    forget: (legId) => void running.delete(legId),
  };
}

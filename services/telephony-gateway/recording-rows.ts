import type { Queries } from '../../bus/service.ts';

export interface FinishedRecording {
  readonly recordingId: string;
  readonly file: string;
}

export async function insertRecording(
  tx: Queries,
  { recordingId, legId, file }: { readonly recordingId: string; readonly legId: string; readonly file: string },
): Promise<void> {
  await tx.query('insert into telephony_gateway.recordings (recording_id, leg_id, file) values ($1, $2, $3)', [recordingId, legId, file]);
}
export async function closeRecording(tx: Queries, recordingId: string): Promise<void> {
  await tx.query('update telephony_gateway.recordings set closed_at = now() where recording_id = $1 and closed_at is null', [recordingId]);
}
/** Recordings that are complete: closed by their holder, or of a leg that another process ended. Oldest first. */
export async function finishedRecordings(tx: Queries, limit: number): Promise<readonly FinishedRecording[]> {
  const rows = await tx.query<{ recording_id: string; file: string }>(
    `select recording_id, file from telephony_gateway.recordings
     where stored_at is null and lost_at is null and (closed_at is not null or exists (
       select from telephony_gateway.legs where legs.leg_id = recordings.leg_id and ended_at < now() - interval '15 s'))
     order by started_at limit $1`,
    [limit],
  );
  return rows.map(({ recording_id, file }) => ({ recordingId: recording_id, file }));
}
export async function markStored(tx: Queries, recordingId: string, bytes: number): Promise<void> {
  await tx.query('update telephony_gateway.recordings set stored_at = now(), bytes = $2 where recording_id = $1', [recordingId, bytes]);
}
/** Notes that the file is on another machine or gone; after an hour it counts as lost. */
export async function markMissing(tx: Queries, recordingId: string): Promise<void> {
  await tx.query(
    `update telephony_gateway.recordings set lost_at = now()
     where recording_id = $1 and stored_at is null and started_at < now() - interval '1 h' and coalesce(closed_at, started_at) < now() - interval '1 h'`,
    [recordingId],
  );
}
/** The size of a recording in bytes; null until it is stored, undefined for an unknown or lost one. */
export async function sizeOf(tx: Queries, recordingId: string): Promise<number | null | undefined> {
  const [row] = await tx.query<{ bytes: string | null; lost_at: Date | null }>(
    'select bytes::text, lost_at from telephony_gateway.recordings where recording_id = $1',
    [recordingId],
  );
  if (row === undefined || row.lost_at !== null) return undefined;
  return row.bytes === null ? null : Number(row.bytes);
}
/** Recordings that began before this time, oldest first. */
export async function recordingsStoredBefore(tx: Queries, before: Date, limit: number): Promise<readonly string[]> {
  const rows = await tx.query<{ recording_id: string }>(
    'select recording_id from telephony_gateway.recordings where stored_at < $1 order by stored_at limit $2',
    [before, limit],
  );
  return rows.map(({ recording_id }) => recording_id);
}
export async function deleteRecording(tx: Queries, recordingId: string): Promise<void> {
  await tx.query('delete from telephony_gateway.recordings where recording_id = $1', [recordingId]);
}

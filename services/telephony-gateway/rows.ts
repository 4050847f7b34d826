/** Legs with a holder. */
import type { LegChange } from '../../adapters/telephony/port.ts';
import type { Queries } from '../../bus/service.ts';

export interface NewLeg {
  readonly legId: string;
  readonly callId: string;
  readonly ref: string;
  readonly direction: 'in' | 'out';
  readonly from: string | null;
  readonly to: string | null;
  readonly holder: string;
}
export interface LostLeg extends Omit<NewLeg, 'ref' | 'holder'> {
  readonly dialog: unknown;
  readonly wasAnswered: boolean;
  readonly recordingId: string | null;
}

/** False when a leg with the reference exists: nothing was inserted. */
export async function insertLeg(tx: Queries, { legId, callId, ref, direction, from, to, holder }: NewLeg): Promise<boolean> {
  const rows = await tx.query(
    `insert into telephony_gateway.legs (leg_id, call_id, ref, direction, from_number, to_number, holder)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (ref) do nothing returning 1`,
    [legId, callId, ref, direction, from, to, holder],
  );
  return rows.length > 0;
}
export async function deleteLeg(tx: Queries, legId: string): Promise<void> {
  await tx.query('delete from telephony_gateway.legs where leg_id = $1', [legId]);
}
export async function legOfRef(tx: Queries, ref: string): Promise<string | null> {
  const [row] = await tx.query<{ leg_id: string }>('select leg_id from telephony_gateway.legs where ref = $1', [ref]);
  return row?.leg_id ?? null;
}
export async function saveDialog(tx: Queries, legId: string, dialog: unknown): Promise<void> {
  await tx.query('update telephony_gateway.legs set dialog = $2 where leg_id = $1', [legId, JSON.stringify(dialog)]);
}
/** False when the leg had ended already: the change is not to be reported. */
export async function storeChange(tx: Queries, { legId, state, recordingId, at }: LegChange): Promise<boolean> {
  const rows = await tx.query(
    `update telephony_gateway.legs set state = $2, recording_id = coalesce($3, recording_id),
       answered_at = case when $2 = 'answered' then coalesce(answered_at, $4::timestamptz) else answered_at end,
       ended_at = case when $2 = 'ended' then $4::timestamptz end
     where leg_id = $1 and ended_at is null returning 1`,
    [legId, state, recordingId, at],
  );
  return rows.length > 0;
}
/** The holder lives. */
export async function beat(tx: Queries, holder: string): Promise<void> {
  await tx.query('update telephony_gateway.legs set heartbeat = now() where holder = $1 and ended_at is null', [holder]);
}
/** Takes over legs whose holder was silent for so long. Each is taken by one process, again after as long if it dies too. */
export async function takeLost(tx: Queries, holder: string, silentMs: number, limit: number): Promise<readonly LostLeg[]> {
  const rows = await tx.query<{
    leg_id: string;
    call_id: string;
    direction: 'in' | 'out';
    from_number: string | null;
    to_number: string | null;
    dialog: unknown;
    answered_at: Date | null;
    recording_id: string | null;
  }>(
    `update telephony_gateway.legs set holder = $1, heartbeat = now()
     where leg_id in (select leg_id from telephony_gateway.legs
       where ended_at is null and heartbeat < now() - $2 * interval '1 ms' order by heartbeat limit $3 for update skip locked)
     returning leg_id, call_id, direction, from_number, to_number, dialog, answered_at, recording_id`,
    [`${holder}:settles`, silentMs, limit],
  );
  return rows.map((row) => ({
    legId: row.leg_id,
    callId: row.call_id,
    direction: row.direction,
    from: row.from_number,
    to: row.to_number,
    dialog: row.dialog,
    wasAnswered: row.answered_at !== null,
    recordingId: row.recording_id,
  }));
}
export async function forgetLegs(tx: Queries, before: Date): Promise<void> {
  await tx.query('delete from telephony_gateway.legs where ended_at < $1', [before]);
}

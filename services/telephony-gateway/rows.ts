/** Legs with a holder. */
import type { LegChange } from '../../adapters/telephony/port.ts';
import type { Queries } from '../../bus/service.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { softphone } from '../../contracts/softphone.ts';

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

/** Inserts a leg; returns false if one with the reference exists. */
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
/** The dialog with these fields, of a leg that is alive or ended within the last minute. */
export async function dialogWith(tx: Queries, fields: Readonly<Record<string, string>>): Promise<unknown> {
  const [row] = await tx.query<{ dialog: unknown }>(
    `select dialog from telephony_gateway.legs
     where (ended_at is null or ended_at > now() - interval '1 min') and dialog @> $1::jsonb limit 1`,
    [JSON.stringify(fields)],
  );
  return row?.dialog ?? null;
}
/** Stores a change; returns false if the leg had already ended, and then the change must not be reported. */
export async function storeChange(tx: Queries, { legId, state, recordingId, hangUpCause, at }: LegChange): Promise<boolean> {
  const rows = await tx.query(
    `update telephony_gateway.legs set state = $2, recording_id = coalesce($3, recording_id), hang_up_cause = $5,
       answered_at = case when $2 = 'answered' then coalesce(answered_at, $4::timestamptz) else answered_at end,
       ended_at = case when $2 = 'ended' then $4::timestamptz end
     where leg_id = $1 and ended_at is null returning 1`,
    [legId, state, recordingId, at, hangUpCause],
  );
  return rows.length > 0;
}
/** Heartbeat of a holder. */
export async function beat(tx: Queries, holder: string): Promise<void> {
  await tx.query('update telephony_gateway.legs set heartbeat = now() where holder = $1 and ended_at is null', [holder]);
}
/**
 * Takes over legs whose holder has sent no heartbeat for `silentMs`. One process takes each leg; if it dies too, another takes it after the
 * same time.
 */
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

type PhoneCall = OutputOf<typeof softphone.list_phone_calls>['items'][number];
/** How long an ended call stays listed, and how long a person counts as present after their page was last seen. */
const [endedMs, pageMs] = [30_000, 15_000];
const phoneStates: Readonly<Record<string, PhoneCall['state']>> = {
  held: 'held',
  ended: 'ended',
  new: 'ringing',
  ringing: 'ringing',
  early: 'ringing',
};

/** Calls of a callee `person:ID`, newest first. */
export async function phoneCallsOf(tx: Queries, callee: string, limit: number): Promise<PhoneCall[]> {
  const rows = await tx.query<{
    leg_id: string;
    call_id: string;
    direction: 'in' | 'out';
    from_number: string | null;
    to_number: string | null;
    state: string;
    ring: string | null;
    hang_up_cause: string | null;
    at: Date;
  }>(
    `select leg_id, call_id, direction, from_number, to_number, state, dialog->>'ring' as ring, hang_up_cause,
       coalesce(ended_at, answered_at, created_at) as at
     from telephony_gateway.legs
     where ((direction = 'out' and to_number = $1) or (direction = 'in' and from_number = $1))
       and (ended_at is null or ended_at > now() - $2 * interval '1 ms')
     order by created_at desc limit $3`,
    [callee, endedMs, limit],
  );
  return rows.map((row) => {
    const state = phoneStates[row.state] ?? 'answered';
    return {
      legId: row.leg_id,
      callId: row.call_id,
      direction: row.direction === 'out' ? 'to_person' : 'from_person',
      other: row.direction === 'out' ? row.from_number : row.to_number,
      state,
      ring: state === 'ringing' ? row.ring : null,
      cause: row.hang_up_cause as PhoneCall['cause'], // Written only by storeChange.
      at: row.at.toISOString(),
    };
  });
}
export async function seePage(tx: Queries, personId: string): Promise<void> {
  await tx.query(
    `insert into telephony_gateway.phone_pages (person_id, seen_at) values ($1, now())
     on conflict (person_id) do update set seen_at = now() where phone_pages.seen_at < now() - interval '1 s'`,
    [personId],
  );
}
export async function hasPage(tx: Queries, personId: string): Promise<boolean> {
  const rows = await tx.query(
    `select 1 from telephony_gateway.phone_pages where person_id = $1 and seen_at > now() - $2 * interval '1 ms'`,
    [personId, pageMs],
  );
  return rows.length > 0;
}

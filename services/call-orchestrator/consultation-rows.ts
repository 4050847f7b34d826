/** Consultations: each asks one person to take the call of a waiting customer. One at a time for each call. */
import type { Queries } from '../../bus/service.ts';

export interface Consultation {
  readonly consultationId: string;
  readonly callId: string;
  readonly callee: string;
  /** Spoken to the person before they decide; null connects them at once. */
  readonly summary: string | null;
  /** The leg of the person; null until it is known. */
  readonly legId: string | null;
  readonly outcome: 'taken' | 'failed' | null;
  /** Whether the customer is connected or no longer hears music. */
  readonly isSettled: boolean;
}
interface Columns {
  readonly consultation_id: string;
  readonly call_id: string;
  readonly callee: string;
  readonly summary: string | null;
  readonly leg_id: string | null;
  readonly outcome: Consultation['outcome'];
  readonly settled_at: Date | null;
}
const columns = 'consultation_id, call_id, callee, summary, leg_id, outcome, settled_at';
const table = 'call_orchestrator.consultations';
const rowOf = (from: Columns): Consultation => ({
  consultationId: from.consultation_id,
  callId: from.call_id,
  callee: from.callee,
  summary: from.summary,
  legId: from.leg_id,
  outcome: from.outcome,
  isSettled: from.settled_at !== null,
});
async function all(found: Promise<readonly Columns[]>): Promise<readonly Consultation[]> {
  return (await found).map(rowOf);
}
async function one(found: Promise<readonly Columns[]>): Promise<Consultation | null> {
  return (await all(found))[0] ?? null;
}

/** Inserts a consultation; returns false if the call already has an open one. */
export async function insertConsultation(
  tx: Queries,
  { consultationId, callId, callee, summary }: Pick<Consultation, 'consultationId' | 'callId' | 'callee' | 'summary'>,
  createdAt: Date,
): Promise<boolean> {
  const inserted = await tx.query(
    `insert into ${table} (consultation_id, call_id, callee, summary, created_at) values ($1, $2, $3, $4, $5)
     on conflict (call_id) where settled_at is null do nothing returning 1`,
    [consultationId, callId, callee, summary, createdAt],
  );
  return inserted.length > 0;
}
export function findConsultation(db: Queries, consultationId: string): Promise<Consultation | null> {
  return one(db.query<Columns>(`select ${columns} from ${table} where consultation_id = $1`, [consultationId]));
}
export function openConsultation(db: Queries, callId: string): Promise<Consultation | null> {
  return one(db.query<Columns>(`select ${columns} from ${table} where call_id = $1 and settled_at is null`, [callId]));
}

/** The consultation whose person has the call; null while nobody has it. */
export function takenBy(db: Queries, callId: string): Promise<Consultation | null> {
  return one(
    db.query<Columns>(
      `select ${columns} from ${table} where call_id = $1 and outcome = 'taken' and settled_at is not null order by decided_at desc limit 1`,
      [callId],
    ),
  );
}
/** Claims the open consultation of the call if this is the leg of its person and it is unattended; afterwards it is attended. */
export function claimConsultation(db: Queries, callId: string, legId: string, at: Date): Promise<Consultation | null> {
  return one(
    db.query<Columns>(
      `update ${table} set attended_at = $3, leg_id = $2
       where call_id = $1 and outcome is null and attended_at is null and (leg_id is null or leg_id = $2) returning ${columns}`,
      [callId, legId, at],
    ),
  );
}
/** Stores the leg dialled for a consultation; false if there is none with this id. */
export async function learnConsultationLeg(tx: Queries, consultationId: string, legId: string | null): Promise<boolean> {
  const found = await tx.query(`update ${table} set leg_id = coalesce(leg_id, $2) where consultation_id = $1 returning 1`, [
    consultationId,
    legId,
  ]);
  return found.length > 0;
}

/** Stores a decision; returns true only for the first one. */
export async function decideConsultation(tx: Queries, consultationId: string, outcome: 'taken' | 'failed', at: Date): Promise<boolean> {
  const decided = await tx.query(
    `update ${table} set outcome = $2, decided_at = $3 where consultation_id = $1 and outcome is null returning 1`,
    [consultationId, outcome, at],
  );
  return decided.length > 0;
}
/** Marks a consultation as failed because the person who had taken the call could not be connected. */
export async function revokeConsultation(tx: Queries, consultationId: string): Promise<void> {
  await tx.query(`update ${table} set outcome = 'failed' where consultation_id = $1 and settled_at is null`, [consultationId]);
}
/** After the end of a leg: fails the open consultation of its call if the leg is that of the person or the customer. */
export async function failConsultationOf(tx: Queries, callId: string, legId: string, isCustomer: boolean, at: Date): Promise<void> {
  await tx.query(
    `update ${table} set outcome = 'failed', decided_at = $4, leg_id = case when $3 then leg_id else coalesce(leg_id, $2) end
     where call_id = $1 and outcome is null and ($3 or leg_id is null or leg_id = $2)`,
    [callId, legId, isCustomer, at],
  );
}

/** Fails consultations whose person did not answer in time, and those that were not decided or connected in time. */
export async function failLateConsultations(
  tx: Queries,
  {
    now,
    ringMs,
    decideMs,
    connectMs,
  }: { readonly now: number; readonly ringMs: number; readonly decideMs: number; readonly connectMs: number },
): Promise<void> {
  await tx.query(
    `update ${table} set outcome = 'failed', decided_at = $1
     where settled_at is null and (
       outcome is null and attended_at is null and created_at < $2
       or outcome is null and attended_at < $3
       or outcome = 'taken' and decided_at < $4)`,
    [new Date(now), new Date(now - ringMs), new Date(now - decideMs), new Date(now - connectMs)],
  );
}
/** Failed consultations whose customer is still waiting. */
export function failedConsultations(db: Queries, limit: number): Promise<readonly Consultation[]> {
  return all(
    db.query<Columns>(`select ${columns} from ${table} where settled_at is null and outcome = 'failed' order by decided_at limit $1`, [
      limit,
    ]),
  );
}
export async function settleConsultation(tx: Queries, consultationId: string, at: Date): Promise<void> {
  await tx.query(`update ${table} set settled_at = $2, summary = null where consultation_id = $1 and settled_at is null`, [
    consultationId,
    at,
  ]);
}
/** Failed consultations whose person has not been hung up. */
export function consultationsToHangUp(db: Queries, limit: number): Promise<readonly Consultation[]> {
  return all(
    db.query<Columns>(
      `select ${columns} from ${table} where outcome = 'failed' and hung_up_at is null and leg_id is not null order by created_at limit $1`,
      [limit],
    ),
  );
}
export async function markPersonHungUp(tx: Queries, consultationId: string, at: Date): Promise<void> {
  await tx.query(`update ${table} set hung_up_at = $2 where consultation_id = $1`, [consultationId, at]);
}

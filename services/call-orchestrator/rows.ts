/**
 * The calls and the do-not-call list. The state of a call moves along `earlier`: forward to the answer, then between answered, held and
 * transferring, then to the end.
 */
import type { z } from 'zod';
import type { Queries } from '../../bus/service.ts';
import type { Call, CallState as CallStateSchema } from '../../contracts/calls.ts';
import type { CallOutcome as CallOutcomeSchema } from '../../contracts/crm.ts';
import { phonesOfCalls } from './phone-owners.ts';

export type CallState = z.output<typeof CallStateSchema>;
export type CallOutcome = z.output<typeof CallOutcomeSchema>;
export type CallRow = z.output<typeof Call>;
/** How a call ended. */
export type CallEnd = Pick<CallRow, 'endedBy' | 'hangUpCause' | 'q850' | 'recordingId'> & { readonly outcome: CallOutcome };
export const unknownEnd: CallEnd = { outcome: 'unknown', endedBy: null, hangUpCause: null, q850: null, recordingId: null };
export interface NewInboundCall {
  readonly callId: string;
  readonly legId: string;
  /** Null for a withheld number. */
  readonly phoneNumber: string | null;
  readonly line: string;
  readonly createdAt: Date;
}
/** A SIP call at a provider of speech models. */
export type NewProviderCall = Omit<NewInboundCall, 'legId'> & { readonly provider: string };
export interface NewCall {
  readonly callId: string;
  readonly key: string;
  readonly leadId: string;
  readonly phoneNumber: string;
  readonly createdById: string | null;
  readonly timeZone: string | null;
  readonly line: string | null;
  readonly createdAt: Date;
}

const columns =
  'call_id, key, direction, lead_id, phone_number, line, leg_id, state, outcome, answered_by, ended_by, hang_up_cause, q850, recording_id, ' +
  'transferred_to, provider, created_at, ringing_at, answered_at, ended_at, attention';
/** Ranks in `attention` from which a call needs a person. */
const needsPerson = 2;
/** SQL condition on `seen_by` for the calls that a person sees: those that name them or no one. */
const isNamed = (person: string): string => `(seen_by = '' or ${person} = any (string_to_array(seen_by, ' ')))`;
/** SQL for all matching values, each found by one index step: there are few combinations of people. */
const seenBys = (person: string): string => `array(
  with recursive combinations as (
    (select min(seen_by) as seen_by from call_orchestrator.calls)
    union all
    select (select min(seen_by) from call_orchestrator.calls where calls.seen_by > combinations.seen_by)
    from combinations where combinations.seen_by is not null)
  select seen_by from combinations where ${isNamed(person)})`;
interface Columns {
  readonly call_id: string;
  readonly key: string | null;
  readonly direction: CallRow['direction'];
  readonly lead_id: string | null;
  readonly phone_number: string | null;
  readonly line: string | null;
  readonly leg_id: string | null;
  readonly state: CallState;
  readonly outcome: CallOutcome | null;
  readonly answered_by: CallRow['answeredBy'];
  readonly ended_by: CallRow['endedBy'];
  readonly hang_up_cause: CallRow['hangUpCause'];
  readonly q850: number | null;
  readonly recording_id: string | null;
  readonly transferred_to: string | null;
  readonly provider: string | null;
  readonly created_at: Date;
  readonly ringing_at: Date | null;
  readonly answered_at: Date | null;
  readonly ended_at: Date | null;
  readonly attention: number;
}
function rowOf(from: Columns): CallRow {
  const time = (at: Date | null) => at?.toISOString() ?? null;
  return {
    callId: from.call_id,
    direction: from.direction,
    leadId: from.lead_id,
    phoneNumber: from.phone_number,
    line: from.line,
    legId: from.leg_id,
    state: from.state,
    outcome: from.outcome,
    answeredBy: from.answered_by,
    endedBy: from.ended_by,
    hangUpCause: from.hang_up_cause,
    q850: from.q850,
    recordingId: from.recording_id,
    transferredTo: from.transferred_to,
    provider: from.provider,
    createdAt: from.created_at.toISOString(),
    ringingAt: time(from.ringing_at),
    answeredAt: time(from.answered_at),
    endedAt: time(from.ended_at),
    needsAttention: from.attention >= needsPerson,
    ...(from.key === null ? {} : { key: from.key }),
  };
}
async function one(found: Promise<readonly Columns[]>): Promise<CallRow | null> {
  const [row] = await found;
  return row === undefined ? null : rowOf(row);
}

/** Inserts a call; returns false if the phone has an active one. Earlier calls to the phone no longer need attention. */
export async function insertCall(tx: Queries, call: NewCall): Promise<boolean> {
  const seenBy = await lockedSeenBy(tx, call.phoneNumber);
  const inserted = await tx.query(
    `insert into call_orchestrator.calls (call_id, key, lead_id, phone_number, created_by_id, time_zone, line, created_at, seen_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (phone_number) where state <> 'ended' and direction = 'out' do nothing returning 1`,
    [call.callId, call.key, call.leadId, call.phoneNumber, call.createdById, call.timeZone, call.line, call.createdAt, seenBy],
  );
  if (inserted.length === 0) return false;
  await markFollowed(tx, call.phoneNumber, call);
  return true;
}
/** Inserts a ringing inbound call; null if it is already stored. */
export async function insertInboundCall(tx: Queries, call: NewInboundCall | NewProviderCall): Promise<CallRow | null> {
  const { callId, phoneNumber, line, createdAt } = call;
  const [legId, provider] = 'legId' in call ? [call.legId, null] : [null, call.provider];
  const seenBy = phoneNumber === null ? '' : await lockedSeenBy(tx, phoneNumber);
  const inserted = await one(
    tx.query<Columns>(
      `insert into call_orchestrator.calls (call_id, direction, leg_id, phone_number, line, state, created_at, ringing_at, seen_by, provider)
       values ($1, 'in', $2, $3, $4, 'ringing', $5, $5, $6, $7) on conflict (call_id) do nothing returning ${columns}`,
      [callId, legId, phoneNumber, line, createdAt, seenBy, provider],
    ),
  );
  if (inserted !== null && phoneNumber !== null) await markFollowed(tx, phoneNumber, call);
  return inserted;
}
async function markFollowed(tx: Queries, phoneNumber: string, by: { readonly callId: string; readonly createdAt: Date }): Promise<void> {
  await tx.query(`update call_orchestrator.calls set followed_at = $3 where phone_number = $1 and call_id <> $2 and followed_at is null`, [
    phoneNumber,
    by.callId,
    by.createdAt,
  ]);
}

/**
 * The people who see calls to the phone. Locked until the end of the transaction, so that a change of the people in charge misses no call.
 */
async function lockedSeenBy(tx: Queries, phoneNumber: string): Promise<string> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('polyb calls to ' || $1, 0))`, [phoneNumber]);
  return ((await phonesOfCalls.of(tx, [phoneNumber])).get(phoneNumber) ?? []).join(' ');
}
/** Applies a change of the people in charge of the phone's chats. */
export async function setSeenBy(tx: Queries, phoneNumber: string): Promise<void> {
  await tx.query('update call_orchestrator.calls set seen_by = $2 where phone_number = $1 and seen_by <> $2', [
    phoneNumber,
    await lockedSeenBy(tx, phoneNumber),
  ]);
}

/** @param seenBy the viewer; null finds all calls */
export function findCall(tx: Queries, callId: string, seenBy: string | null = null): Promise<CallRow | null> {
  const [seen, values] = seenBy === null ? ['true', [callId]] : [isNamed('$2'), [callId, seenBy]];
  return one(tx.query<Columns>(`select ${columns} from call_orchestrator.calls where call_id = $1 and ${seen}`, values));
}

interface CallFilter {
  readonly leadId?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly state?: CallState | undefined;
  readonly outcome?: CallOutcome | undefined;
  readonly needsAttention?: boolean | undefined;
  /** The viewer; null lists all calls. */
  readonly seenBy: string | null;
}
/** The last call of a page. */
export interface CallPlace {
  readonly attention: number;
  readonly seq: string;
}
/** Up to `limit` calls, and the start of the next page. */
export async function listCalls(
  tx: Queries,
  { leadId, phoneNumber, state, outcome, needsAttention, seenBy }: CallFilter,
  { order, after, limit }: { readonly order: 'newest' | 'attention'; readonly after: CallPlace | undefined; readonly limit: number },
): Promise<{ readonly calls: readonly CallRow[]; readonly next: CallPlace | null }> {
  const values: unknown[] = [];
  const when = <T>(given: T | undefined, condition: (value: string) => string) =>
    given === undefined ? [] : [condition(`$${values.push(given)}`)];
  const conditions = [
    ...when(leadId, (value) => `lead_id = ${value}`),
    ...when(phoneNumber, (value) => `phone_number = ${value}`),
    ...when(state, (value) => `state = ${value}`),
    ...when(outcome, (value) => `outcome = ${value}`),
    ...(needsAttention === undefined ? [] : [`attention ${needsAttention ? '>=' : '<'} ${needsPerson}`]),
    ...(order === 'newest'
      ? when(after?.seq, (value) => `seq < ${value}::bigint`)
      : when(after?.seq, (seq) => `(attention, seq) < ($${values.push(after?.attention)}::smallint, ${seq}::bigint)`)),
  ];
  const most = `order by ${order === 'newest' ? '' : 'attention desc, '}calls.seq desc limit $${values.push(limit + 1)}`;
  const page = (...more: readonly string[]): string => {
    const where = [...conditions, ...more].join(' and ');
    return `select calls.* from call_orchestrator.calls ${where === '' ? '' : `where ${where}`} ${most}`;
  };
  const rows = await tx.query<Columns & { readonly seq: string }>(
    `select ${columns}, seq::text from (${seenBy === null ? page() : seenPage(page, `$${values.push(seenBy)}`)}) calls ${most}`,
    values,
  );
  const shown = rows.slice(0, limit);
  return { calls: shown.map(rowOf), next: rows.length > limit ? (shown.at(-1) ?? null) : null };
}
/** A page of each combination of people, from an index in the order of the list. */
function seenPage(page: (...more: readonly string[]) => string, person: string): string {
  return `select calls.* from unnest(${seenBys(person)}) seen (by) cross join lateral (${page('calls.seen_by = seen.by')}) calls`;
}

/** The counts match the list with the same filter. */
export async function countCalls(
  db: Queries,
  seenBy: string | null,
): Promise<{
  readonly answered: number;
  readonly needAttention: number;
  readonly oldestAt: Date | null;
}> {
  const [seen, values] = seenBy === null ? ['true', []] : [`calls.seen_by = any (${seenBys('$1')})`, [seenBy]];
  const [found] = await db.query<{ answered: number; need: number; oldest: Date | null }>(
    `select (select count(*)::int from call_orchestrator.calls where state = 'answered' and ${seen}) as answered,
       count(*)::int as need, min(created_at) as oldest
     from call_orchestrator.calls where attention >= ${needsPerson} and ${seen}`,
    values,
  );
  return { answered: found?.answered ?? 0, needAttention: found?.need ?? 0, oldestAt: found?.oldest ?? null };
}

/** Claims the call if this is its leg and it is unattended; afterwards it is attended. */
export function claimLine(tx: Queries, callId: string, legId: string): Promise<CallRow | null> {
  return one(
    tx.query<Columns>(
      `update call_orchestrator.calls set attended_at = now(), leg_id = $2
       where call_id = $1 and attended_at is null and (leg_id is null or leg_id = $2) and state <> 'ended' returning ${columns}`,
      [callId, legId],
    ),
  );
}

export async function markAnsweredBy(tx: Queries, callId: string, answeredBy: NonNullable<CallRow['answeredBy']>): Promise<void> {
  await tx.query('update call_orchestrator.calls set answered_by = $2 where call_id = $1', [callId, answeredBy]);
}

/**
 * Stores the leg of a call unless it has one; returns whether its leg is this one. Another transaction may store the leg at the same time:
 * an update sees what it stored, where a query of the same statement would not.
 */
export async function learnLeg(tx: Queries, callId: string, legId: string): Promise<boolean> {
  const [row] = await tx.query<{ is_leg: boolean }>(
    'update call_orchestrator.calls set leg_id = coalesce(leg_id, $2) where call_id = $1 returning leg_id = $2 as is_leg',
    [callId, legId],
  );
  return row?.is_leg ?? false;
}

export async function callIdOfKey(tx: Queries, key: string): Promise<string | null> {
  const [row] = await tx.query<{ call_id: string }>('select call_id from call_orchestrator.calls where key = $1', [key]);
  return row?.call_id ?? null;
}

export type Step = 'ringing' | 'early' | 'answered' | 'held' | 'resumed' | 'transferring';
/** For each step: the states it starts from, its target state, and the time that it sets. */
const steps = {
  ringing: { from: ['queued'], to: 'ringing', sets: 'ringing_at' },
  early: { from: ['queued', 'ringing'], to: 'early', sets: 'ringing_at' },
  answered: { from: ['queued', 'ringing', 'early'], to: 'answered', sets: 'answered_at' },
  held: { from: ['answered'], to: 'held', sets: null },
  resumed: { from: ['held', 'transferring'], to: 'answered', sets: null },
  transferring: { from: ['answered', 'held'], to: 'transferring', sets: null },
} as const satisfies Record<Step, { readonly from: readonly CallState[]; readonly to: CallState; readonly sets: string | null }>;
/** Advances a call; null if the step is not possible from its state or the call is unknown. Times of a call never decrease. */
export function advance(tx: Queries, callId: string, step: Step, at: Date): Promise<CallRow | null> {
  const { from, to, sets } = steps[step];
  const time = sets === null ? '' : `, ${sets} = coalesce(${sets}, greatest($4::timestamptz, created_at, ringing_at))`;
  return one(
    tx.query<Columns>(
      `update call_orchestrator.calls set state = $2${time} where call_id = $1 and state = any ($3::text[]) returning ${columns}`,
      [callId, to, from, ...(sets === null ? [] : [at])],
    ),
  );
}

/** Notes that the customer was connected with `to`. */
export function markTransferred(tx: Queries, callId: string, to: string): Promise<CallRow | null> {
  return one(
    tx.query<Columns>(`update call_orchestrator.calls set transferred_to = $2 where call_id = $1 returning ${columns}`, [callId, to]),
  );
}

/** Ends a call; null if it has already ended or is unknown. */
export function markEnded(
  tx: Queries,
  callId: string,
  { outcome, endedBy, hangUpCause, q850, recordingId }: CallEnd,
  at: Date,
): Promise<CallRow | null> {
  return one(
    tx.query<Columns>(
      `update call_orchestrator.calls
       set state = 'ended', outcome = $2, ended_at = greatest($3::timestamptz, created_at, ringing_at, answered_at),
         ended_by = $4, hang_up_cause = $5, q850 = $6, recording_id = coalesce($7, recording_id)
       where call_id = $1 and state <> 'ended' returning ${columns}`,
      [callId, outcome, at, endedBy, hangUpCause, q850, recordingId],
    ),
  );
}

export async function countActive(db: Queries): Promise<number> {
  const [found] = await db.query<{ count: number }>(`select count(*)::int as count from call_orchestrator.calls where state <> 'ended'`);
  return found?.count ?? 0;
}

/** Active calls that began before `before`. */
export async function overdueCalls(tx: Queries, before: Date, limit: number): Promise<readonly string[]> {
  const rows = await tx.query<{ call_id: string }>(
    `select call_id from call_orchestrator.calls where state <> 'ended' and created_at < $1
     order by created_at limit $2`,
    [before, limit],
  );
  return rows.map(({ call_id }) => call_id);
}

/** Marks the call for hang-up unless it has ended; null if it does not exist. */
export async function requestEnd(tx: Queries, callId: string, at: Date): Promise<CallRow | null> {
  const marked = await one(
    tx.query<Columns>(
      `update call_orchestrator.calls set end_requested_at = coalesce(end_requested_at, $2)
       where call_id = $1 and state <> 'ended' returning ${columns}`,
      [callId, at],
    ),
  );
  return marked ?? findCall(tx, callId);
}

/** A call that can be hung up: its leg is known, or a provider has answered it. */
export type HangUpCall = Pick<CallRow, 'callId' | 'legId' | 'provider'>;
export const canHangUp = ({ legId, provider, state }: Pick<CallRow, 'legId' | 'provider' | 'state'>): boolean =>
  legId !== null || (provider !== null && state !== 'ringing');
/** Calls marked for hang-up that can be hung up but have not been. */
export async function callsToHangUp(tx: Queries, limit: number): Promise<readonly HangUpCall[]> {
  return await tx.query<HangUpCall>(
    `select call_id as "callId", leg_id as "legId", provider from call_orchestrator.calls
     where state <> 'ended' and end_requested_at is not null and hung_up_at is null
       and (leg_id is not null or (provider is not null and state <> 'ringing'))
     order by end_requested_at limit $1`,
    [limit],
  );
}
export async function isEndRequested(tx: Queries, callId: string): Promise<boolean> {
  const rows = await tx.query('select 1 from call_orchestrator.calls where call_id = $1 and end_requested_at is not null', [callId]);
  return rows.length > 0;
}

export async function markHungUp(tx: Queries, callId: string, at: Date): Promise<void> {
  await tx.query('update call_orchestrator.calls set hung_up_at = $2 where call_id = $1', [callId, at]);
}

/** The facts about a phone needed by the calling rules. */
export async function standing(
  tx: Queries,
  phoneNumber: string,
): Promise<{ readonly isForbidden: boolean; readonly isInCall: boolean; readonly timeZone: string | null }> {
  const [found] = await tx.query<{ forbidden: boolean; active: boolean; zone: string | null }>(
    `select exists (select from call_orchestrator.do_not_call where phone_number = $1) as forbidden,
            exists (select from call_orchestrator.calls where phone_number = $1 and state <> 'ended') as active,
            (select time_zone from call_orchestrator.calls where phone_number = $1 and time_zone is not null
             order by created_at desc limit 1) as zone`,
    [phoneNumber],
  );
  return { isForbidden: found?.forbidden ?? false, isInCall: found?.active ?? false, timeZone: found?.zone ?? null };
}

/** Number of calls to a phone since then, without those that failed before the phone rang. */
export async function attemptsSince(tx: Queries, phoneNumber: string, since: Date): Promise<number> {
  const [found] = await tx.query<{ count: number }>(
    `select count(*)::int as count from call_orchestrator.calls
     where phone_number = $1 and created_at >= $2 and (outcome is distinct from 'failed' or ringing_at is not null)`,
    [phoneNumber, since],
  );
  return found?.count ?? 0;
}

export async function forbid(tx: Queries, phoneNumber: string, reason: string, since: Date): Promise<void> {
  await tx.query(
    `insert into call_orchestrator.do_not_call (phone_number, reason, since) values ($1, $2, $3)
     on conflict (phone_number) do update set reason = excluded.reason`,
    [phoneNumber, reason, since],
  );
}

export async function allow(tx: Queries, phoneNumber: string): Promise<void> {
  await tx.query('delete from call_orchestrator.do_not_call where phone_number = $1', [phoneNumber]);
}

/** Campaigns, their members and the calls they have sent. A member is `dialling` exactly while one of its attempts is open. */
import type { z } from 'zod';
import type { Queries, Tx } from '../../bus/service.ts';
import {
  CampaignRules,
  type Campaign as CampaignSchema,
  type CampaignState as CampaignStateSchema,
  campaigns,
  type Member as MemberSchema,
  type MemberState as MemberStateSchema,
} from '../../contracts/campaigns.ts';

export type CampaignView = z.output<typeof CampaignSchema>;
export type MemberView = z.output<typeof MemberSchema>;
export type CampaignStatus = z.output<typeof CampaignStateSchema>;
export type MemberStatus = z.output<typeof MemberStateSchema>;
export type Rules = z.output<typeof CampaignRules>;

export interface CampaignRow {
  readonly campaignId: string;
  readonly seq: string;
  readonly name: string;
  readonly state: CampaignStatus;
  readonly rules: unknown;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}
const campaignColumns = `campaign_id as "campaignId", seq, name, state, rules, created_by as "createdBy", created_at as "createdAt",
  started_at as "startedAt", ended_at as "endedAt"`;
/** The rules of a campaign; null if they no longer fit the contract, in which case no member is called. */
export function rulesOf({ rules }: Pick<CampaignRow, 'rules'>): Rules | null {
  return CampaignRules.safeParse(rules).data ?? null;
}

export async function insertCampaign(
  tx: Queries,
  of: Pick<CampaignRow, 'campaignId' | 'name' | 'createdBy' | 'createdAt'> & { readonly rules: Rules },
): Promise<void> {
  await tx.query('insert into campaigns.campaigns (campaign_id, name, rules, created_by, created_at) values ($1, $2, $3, $4, $5)', [
    of.campaignId,
    of.name,
    JSON.stringify(of.rules),
    of.createdBy,
    of.createdAt,
  ]);
}
export async function findCampaign(db: Queries, campaignId: string): Promise<CampaignRow | null> {
  const [row] = await db.query<CampaignRow>(`select ${campaignColumns} from campaigns.campaigns where campaign_id = $1`, [campaignId]);
  return row ?? null;
}
/** Locks the campaign. Anything that sends, withdraws or ends calls takes this lock first. */
export async function lockCampaign(tx: Queries, campaignId: string): Promise<CampaignRow | null> {
  const [row] = await tx.query<CampaignRow>(`select ${campaignColumns} from campaigns.campaigns where campaign_id = $1 for update`, [
    campaignId,
  ]);
  return row ?? null;
}
/** @param before the last campaign of the page before */
export function pageOfCampaigns(
  db: Queries,
  { state, before, limit }: { readonly state: CampaignStatus | null; readonly before: string | null; readonly limit: number },
): Promise<readonly CampaignRow[]> {
  return db.query<CampaignRow>(
    `select ${campaignColumns} from campaigns.campaigns where ($1::text is null or state = $1) and ($2::bigint is null or seq < $2)
     order by seq desc limit $3`,
    [state, before, limit],
  );
}
export async function campaignsInWork(db: Queries): Promise<readonly string[]> {
  const rows = await db.query<{ campaign_id: string }>(
    `select campaign_id from campaigns.campaigns where state in ('running', 'paused', 'stopping') order by seq`,
  );
  return rows.map(({ campaign_id }) => campaign_id);
}
/** Keeps the first start. */
export async function setCampaignState(tx: Queries, campaignId: string, state: CampaignStatus, at: Date): Promise<void> {
  await tx.query(
    `update campaigns.campaigns set state = $2, started_at = case when $2 = 'running' then coalesce(started_at, $3) else started_at end,
       ended_at = case when $2 in ('completed', 'stopped') then $3 end
     where campaign_id = $1`,
    [campaignId, state, at],
  );
}

/** Members by state, for each campaign. */
export async function countsOf(db: Queries, campaignIds: readonly string[]): Promise<ReadonlyMap<string, CampaignView['counts']>> {
  const rows = await db.query<{ campaign_id: string; state: MemberStatus; count: number }>(
    'select campaign_id, state, count(*)::int as count from campaigns.members where campaign_id = any ($1) group by 1, 2',
    [campaignIds],
  );
  return new Map(
    campaignIds.map((id) => {
      const count = (state: MemberStatus) => rows.find((row) => row.campaign_id === id && row.state === state)?.count ?? 0;
      const [notAnswered, notAllowed] = [count('not_answered'), count('not_allowed')];
      const [waiting, dialling, answered] = [count('waiting'), count('dialling'), count('answered')];
      return [id, { waiting, dialling, answered, notAnswered, refused: count('refused'), notAllowed, review: count('review') }];
    }),
  );
}
interface HoldRow {
  readonly campaign_id: string;
  readonly reason: string;
  readonly since: Date;
  readonly members: number;
}
export async function viewsOf(db: Queries, rows: readonly CampaignRow[]): Promise<CampaignView[]> {
  const ids = rows.map(({ campaignId }) => campaignId);
  const counts = await countsOf(db, ids);
  const holds = await db.query<HoldRow>(
    `select h.campaign_id, h.reason, h.since, count(m.member_id)::int as members from campaigns.holds h
     left join campaigns.members m on m.campaign_id = h.campaign_id and m.state = 'review' and m.reason = h.reason
     where h.campaign_id = any ($1) group by 1, 2, 3 order by h.since, h.reason limit 2000`,
    [ids],
  );
  const due = await db.query<{ campaign_id: string; next: Date | null }>(
    `select c.campaign_id, (select min(due_at) from campaigns.members m where m.campaign_id = c.campaign_id and state = 'waiting') as next
     from unnest($1::text[]) c (campaign_id)`,
    [ids],
  );
  return rows.map((row) => ({
    campaignId: row.campaignId,
    name: row.name,
    state: row.state,
    rules: rulesOf(row),
    counts: counts.get(row.campaignId) as CampaignView['counts'], // One for each id.
    holds: holds
      .filter(({ campaign_id, reason, members }) => campaign_id === row.campaignId && (members > 0 || wholeHolds.has(reason)))
      .slice(0, 100)
      .map(({ reason, members, since }) => ({ reason, members, since: since.toISOString() })),
    nextAt: due.find(({ campaign_id }) => campaign_id === row.campaignId)?.next?.toISOString() ?? null,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  }));
}

/** Reasons that hold a whole campaign. */
const wholeHolds: ReadonlySet<string> = new Set(['list_unreadable', 'rules_unreadable']);
/** Adds a reason to hold members or the campaign. It is reported once until it is released. */
export async function hold(tx: Tx, campaignId: string, reason: string, at: Date): Promise<void> {
  const fresh = await tx.query(
    'insert into campaigns.holds (campaign_id, reason, since) values ($1, $2, $3) on conflict do nothing returning 1',
    [campaignId, reason, at],
  );
  if (fresh.length > 0) tx.emit(campaigns.campaign_held, { campaignId, reason, at: at.toISOString() });
}
export async function release(tx: Queries, campaignId: string, reason: string): Promise<void> {
  await tx.query('delete from campaigns.holds where campaign_id = $1 and reason = $2', [campaignId, reason]);
}

interface MemberFields {
  readonly memberId: string;
  readonly phoneNumber: string;
  readonly name: string | null;
  readonly leadId: string | null;
  readonly timeZone: string | null;
  readonly consent: string | null;
}
export interface NewMemberRow extends MemberFields {
  /** Null: it waits. */
  readonly review: string | null;
}
/** Adds members and returns the added phones. Phones already in the campaign are skipped. */
export async function insertMembers(
  tx: Queries,
  campaignId: string,
  members: readonly NewMemberRow[],
  dueAt: Date,
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ phone_number: string }>(
    `insert into campaigns.members (member_id, campaign_id, phone_number, name, lead_id, time_zone, consent, state, reason, due_at)
     select member_id, $1, phone_number, name, lead_id, time_zone, consent, case when review is null then 'waiting' else 'review' end, review,
       case when review is null then $9::timestamptz end
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       with ordinality as given (member_id, phone_number, name, lead_id, time_zone, consent, review, nth) order by nth
     on conflict (campaign_id, phone_number) do nothing returning phone_number`,
    [
      campaignId,
      members.map(({ memberId }) => memberId),
      members.map(({ phoneNumber }) => phoneNumber),
      members.map(({ name }) => name),
      members.map(({ leadId }) => leadId),
      members.map(({ timeZone }) => timeZone),
      members.map(({ consent }) => consent),
      members.map(({ review }) => review),
      dueAt,
    ],
  );
  return new Set(rows.map(({ phone_number }) => phone_number));
}
export interface KnownMember extends MemberFields {
  readonly state: MemberStatus;
  readonly reason: string | null;
}
const memberColumns = `member_id as "memberId", phone_number as "phoneNumber", name, lead_id as "leadId", time_zone as "timeZone", consent, state, reason`;
export function lockMembers(tx: Queries, campaignId: string, phones: readonly string[]): Promise<readonly KnownMember[]> {
  return tx.query<KnownMember>(
    `select ${memberColumns} from campaigns.members where campaign_id = $1 and phone_number = any ($2) order by member_id for update`,
    [campaignId, phones],
  );
}
export async function completeMember(
  tx: Queries,
  { memberId, name, leadId, timeZone, consent }: Pick<KnownMember, 'memberId' | 'name' | 'leadId' | 'timeZone' | 'consent'>,
): Promise<void> {
  await tx.query('update campaigns.members set name = $2, lead_id = $3, time_zone = $4, consent = $5 where member_id = $1', [
    memberId,
    name,
    leadId,
    timeZone,
    consent,
  ]);
}

/** The next state of a member. */
export interface MemberChange {
  readonly state: Exclude<MemberStatus, 'dialling'>;
  readonly reason: string | null;
  /** Null unless the member is `waiting`. */
  readonly dueAt: Date | null;
}
export async function moveMember(tx: Queries, memberId: string, { state, reason, dueAt }: MemberChange): Promise<void> {
  await tx.query('update campaigns.members set state = $2, reason = $3, due_at = $4 where member_id = $1', [
    memberId,
    state,
    reason,
    dueAt,
  ]);
}

export interface DueMember extends KnownMember {
  readonly sent: number;
  readonly isForbidden: boolean;
}
/** Waiting members that are due, locked. Members of other campaigns with the same phone are left to the guard of calls. */
export function dueMembers(tx: Queries, campaignId: string, now: Date, limit: number): Promise<readonly DueMember[]> {
  return tx.query<DueMember>(
    `select ${memberColumns}, sent,
       exists (select from campaigns.do_not_call d where d.phone_number = m.phone_number and d.is_forbidden) as "isForbidden"
     from campaigns.members m where campaign_id = $1 and state = 'waiting' and due_at <= $2 order by due_at, seq limit $3 for update`,
    [campaignId, now, limit],
  );
}
/** Whether any members wait, due or not. */
export async function hasWaiting(tx: Queries, campaignId: string): Promise<boolean> {
  const [row] = await tx.query<{ has: boolean }>(
    `select exists (select from campaigns.members where campaign_id = $1 and state = 'waiting') as has`,
    [campaignId],
  );
  return row?.has ?? false;
}

export interface AttemptRow {
  readonly key: string;
  readonly campaignId: string;
  readonly memberId: string;
  readonly notAfter: Date;
  readonly withdrawnAt: Date | null;
  readonly outcome: string | null;
}
export async function insertAttempt(
  tx: Queries,
  of: Pick<AttemptRow, 'key' | 'campaignId' | 'memberId' | 'notAfter'> & { readonly trunk: string; readonly sentAt: Date },
): Promise<void> {
  await tx.query(
    'insert into campaigns.attempts (key, campaign_id, member_id, trunk, sent_at, not_after) values ($1, $2, $3, $4, $5, $6)',
    [of.key, of.campaignId, of.memberId, of.trunk, of.sentAt, of.notAfter],
  );
  await tx.query(`update campaigns.members set state = 'dialling', reason = null, due_at = null, sent = sent + 1 where member_id = $1`, [
    of.memberId,
  ]);
}
/** Locks the campaign of an attempt and returns the attempt; null for calls not sent by a campaign. */
export async function lockAttempt(
  tx: Queries,
  key: string,
): Promise<{ readonly attempt: AttemptRow; readonly campaign: CampaignRow } | null> {
  const [of] = await tx.query<{ campaign_id: string }>('select campaign_id from campaigns.attempts where key = $1', [key]);
  const campaign = of === undefined ? null : await lockCampaign(tx, of.campaign_id);
  const [attempt] = await tx.query<AttemptRow>(
    `select key, campaign_id as "campaignId", member_id as "memberId", not_after as "notAfter", withdrawn_at as "withdrawnAt", outcome
     from campaigns.attempts where key = $1`,
    [key],
  );
  return campaign === null || attempt === undefined ? null : { attempt, campaign };
}
export async function noteCall(tx: Queries, key: string, callId: string): Promise<void> {
  await tx.query('update campaigns.attempts set call_id = coalesce(call_id, $2) where key = $1', [key, callId]);
}
/** Ends an attempt and returns the member's counters; null if it has already ended. */
export async function endAttempt(
  tx: Queries,
  key: string,
  {
    outcome,
    at,
    counts,
    isMachine,
  }: { readonly outcome: string; readonly at: Date; readonly counts: boolean; readonly isMachine: boolean },
): Promise<{ readonly attempts: number; readonly machines: number } | null> {
  const [row] = await tx.query<{ attempts: number; machines: number }>(
    `with ended as (
       update campaigns.attempts set outcome = $2, ended_at = $3 where key = $1 and outcome is null returning member_id)
     update campaigns.members m set attempts = attempts + $4, machines = machines + $5 from ended where m.member_id = ended.member_id
     returning m.attempts, m.machines`,
    [key, outcome, at, counts ? 1 : 0, isMachine ? 1 : 0],
  );
  return row ?? null;
}
export interface Load {
  readonly open: number;
  readonly openOnTrunk: number;
  readonly sentSince: number;
}
export async function loadOf(tx: Queries, campaignId: string, trunk: string, since: Date): Promise<Load> {
  const [row] = await tx.query<Load>(
    `select (select count(*)::int from campaigns.attempts where campaign_id = $1 and ended_at is null) as open,
       (select count(*)::int from campaigns.attempts where trunk = $2 and ended_at is null) as "openOnTrunk",
       (select count(*)::int from campaigns.attempts where campaign_id = $1 and sent_at > $3 and (withdrawn_at is null or ended_at is null)) as "sentSince"`,
    [campaignId, trunk, since],
  );
  return row ?? { open: 0, openOnTrunk: 0, sentSince: 0 };
}
/** Withdraws the open attempts without a known call, and returns their keys. */
export async function withdraw(tx: Queries, campaignId: string, at: Date): Promise<readonly string[]> {
  const rows = await tx.query<{ key: string }>(
    `update campaigns.attempts set withdrawn_at = coalesce(withdrawn_at, $2)
     where campaign_id = $1 and ended_at is null and call_id is null returning key`,
    [campaignId, at],
  );
  return rows.map(({ key }) => key);
}

/** Locks all campaigns that contain the phone; returns its members and the keys of their calls. */
export async function membersOfPhone(
  tx: Queries,
  phoneNumber: string,
): Promise<readonly { readonly memberId: string; readonly keys: readonly string[] }[]> {
  await tx.query(
    `select from campaigns.campaigns where campaign_id in (select campaign_id from campaigns.members where phone_number = $1)
     order by seq for update`,
    [phoneNumber],
  );
  return tx.query(
    `select member_id as "memberId", array(select key from campaigns.attempts a where a.member_id = m.member_id) as keys
     from campaigns.members m where phone_number = $1 order by member_id`,
    [phoneNumber],
  );
}
export async function deleteMembers(tx: Queries, memberIds: readonly string[]): Promise<void> {
  await tx.query('delete from campaigns.members where member_id = any ($1)', [memberIds]);
}

/**
 * @param after the last member of the page before. @param seenBy a person who does not see members whose chats are only in the charge of
 * others
 */
export async function pageOfMembers(
  db: Queries,
  of: {
    readonly campaignId: string;
    readonly state: MemberStatus | null;
    readonly seenBy: string | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<readonly { readonly seq: string; readonly view: MemberView }[]> {
  const rows = await db.query<KnownMember & { seq: string; attempts: number; dueAt: Date | null; callId: string | null }>(
    `select ${memberColumns}, seq, attempts, due_at as "dueAt",
       (select call_id from campaigns.attempts a where a.member_id = m.member_id and call_id is not null order by sent_at desc limit 1) as "callId"
     from campaigns.members m
     where campaign_id = $1 and ($2::text is null or state = $2) and ($3::bigint is null or seq > $3)
       and ($4::text is null
         or not exists (select from campaigns.phone_owners o where o.phone_number = m.phone_number and o.person_ids <> '{}')
         or exists (select from campaigns.phone_owners o where o.phone_number = m.phone_number and $4 = any (o.person_ids)))
     order by seq limit $5`,
    [of.campaignId, of.state, of.after, of.seenBy, of.limit],
  );
  return rows.map(({ seq, dueAt, ...view }) => ({
    seq,
    view: { ...view, campaignId: of.campaignId, dueAt: dueAt?.toISOString() ?? null },
  }));
}

/** Members of campaigns that have not ended, by state. */
export async function countMembers(db: Queries): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ state: string; count: number }>(
    `select m.state, count(*)::int as count from campaigns.members m join campaigns.campaigns c using (campaign_id)
     where c.state in ('running', 'paused', 'stopping') group by 1`,
  );
  return new Map(rows.map(({ state, count }) => [state, count]));
}
export async function countHolds(db: Queries): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::int as count from campaigns.holds h join campaigns.campaigns c using (campaign_id)
     where c.ended_at is null and (h.reason = any ($1)
       or exists (select from campaigns.members m where m.campaign_id = h.campaign_id and m.state = 'review' and m.reason = h.reason))`,
    [[...wholeHolds]],
  );
  return row?.count ?? 0;
}
/** Deletes campaigns that ended before this time, with their members, in batches. */
export async function forgetCampaigns(db: Queries, before: Date, signal: AbortSignal): Promise<void> {
  const portion = 5_000;
  const old = `select campaign_id from campaigns.campaigns where ended_at < $1`;
  for (const of of [
    `delete from campaigns.members where member_id in (select member_id from campaigns.members where campaign_id in (${old}) limit $2) returning 1`,
    `delete from campaigns.campaigns where campaign_id in (${old} limit $2) returning 1`,
  ])
    while ((await db.query(of, [before, portion])).length > 0) signal.throwIfAborted();
}

/** Sends the calls that are due and permitted, and ends finished campaigns. */
import { type Commit, type Log, type Loop, loop, type Queries, type Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { campaigns } from '../../contracts/campaigns.ts';
import { listReadAt } from './do-not-call.ts';
import {
  type CampaignRow,
  campaignsInWork,
  countsOf,
  type DueMember,
  dueMembers,
  hasWaiting,
  hold,
  insertAttempt,
  loadOf,
  lockCampaign,
  moveMember,
  type Rules,
  release,
  rulesOf,
  setCampaignState,
  withdraw,
} from './rows.ts';
import { type Calendar, nextOpening, type Opening } from './windows.ts';
import { zonesOfMember } from './zones-of-member.ts';

/** Members examined in one transaction. */
const batch = 100;
const hourMs = 3_600_000;

export interface DispatchParts {
  readonly db: Queries;
  readonly commit: Commit;
  readonly now: () => number;
  readonly log: Log;
  readonly isHoliday: Calendar['isHoliday'];
  readonly trunkCalls: number;
  readonly listMaxAgeMs: number;
  /** Re-reads the do-not-call list if the copy is old. */
  readonly refreshList: (signal: AbortSignal) => Promise<void>;
}

export function dispatchCalls(parts: DispatchParts): Loop {
  const { db, commit, log, refreshList } = parts;
  return loop('dispatch', { idleMs: 1_000, wakeOn: calls.call_ended, only: 'dispatch' }, async (signal) => {
    const ids = await campaignsInWork(db);
    if (ids.length === 0) return 'idle';
    await refreshList(signal);
    let hasMore = false;
    for (const campaignId of ids) {
      signal.throwIfAborted();
      try {
        hasMore = (await commit((tx) => turnOf(tx, campaignId, parts))) || hasMore;
      } catch (err) {
        // The other campaigns go on.
        log.error({ err, campaignId }, 'a turn of a campaign failed');
      }
    }
    return hasMore ? 'more' : 'idle';
  });
}

/** Returns true if more members may be due. */
async function turnOf(tx: Tx, campaignId: string, parts: DispatchParts): Promise<boolean> {
  const campaign = await lockCampaign(tx, campaignId);
  if (campaign === null) return false;
  const at = new Date(parts.now());
  if (campaign.state === 'running') return dispatch(tx, campaign, at, parts);
  if (campaign.state !== 'paused' && campaign.state !== 'stopping') return false;
  // A row that was under check when the campaign was paused may be waiting again.
  tx.outdate(calls.start_call, await withdraw(tx, campaignId, at), `The campaign is ${campaign.state}.`);
  if (campaign.state === 'stopping' && (await loadOf(tx, campaignId, '', at)).open === 0) await end(tx, campaignId, 'stopped', at);
  return false;
}

async function dispatch(tx: Tx, campaign: CampaignRow, at: Date, parts: DispatchParts): Promise<boolean> {
  const { campaignId } = campaign;
  const { isHoliday, trunkCalls, listMaxAgeMs } = parts;
  const rules = rulesOf(campaign);
  const readAt = await listReadAt(tx);
  const isListKnown = readAt !== null && Math.abs(at.getTime() - readAt.getTime()) <= listMaxAgeMs;
  for (const [reason, isHeld] of [
    ['rules_unreadable', rules === null],
    ['list_unreadable', !isListKnown],
  ] as const)
    await (isHeld ? hold(tx, campaignId, reason, at) : release(tx, campaignId, reason));
  if (rules === null || !isListKnown) return false;

  const load = await loadOf(tx, campaignId, rules.trunk ?? '', new Date(at.getTime() - hourMs));
  const members = await dueMembers(tx, campaignId, at, batch);
  if (members.length === 0 && load.open === 0 && !(await hasWaiting(tx, campaignId))) {
    await end(tx, campaignId, 'completed', at);
    return false;
  }
  const openings = openingsAt({ windows: rules.windows, isHoliday: (day) => !rules.callsOnHolidays && isHoliday(day) }, at.getTime());
  let room = Math.min(rules.inFlight - load.open, trunkCalls - load.openOnTrunk, rules.perHour - load.sentSince);
  let passed = 0;
  for (const member of members) {
    const verdict = judge(member, rules, openings, at.getTime());
    if ('review' in verdict) {
      await moveMember(tx, member.memberId, { state: 'review', reason: verdict.review, dueAt: null });
      await hold(tx, campaignId, verdict.review, at);
    } else if ('notAllowed' in verdict)
      await moveMember(tx, member.memberId, { state: 'not_allowed', reason: verdict.notAllowed, dueAt: null });
    else if (verdict.opening.from > at.getTime())
      await moveMember(tx, member.memberId, { state: 'waiting', reason: member.reason, dueAt: new Date(verdict.opening.from) });
    else if (room > 0) {
      room -= 1;
      await send(tx, campaignId, member, rules, { zone: verdict.zone, notAfter: new Date(verdict.opening.to), sentAt: at });
    } else continue;
    passed += 1;
  }
  return passed > 0 && members.length === batch;
}

type Judgement = { readonly review: string } | { readonly notAllowed: string } | { readonly zone: string; readonly opening: Opening };

/** Anything unknown counts as not permitted. */
function judge(member: DueMember, rules: Rules, openingOf: ReturnType<typeof openingsAt>, now: number): Judgement {
  if (member.isForbidden) return { notAllowed: 'do_not_call' };
  if (rules.needsConsent && member.consent === null) return { review: 'no_consent' };
  const zones = zonesOfMember(member, rules);
  const [zone] = zones;
  if (zone === undefined) return { review: 'unknown_zone' };
  const opening = openingOf(zones);
  if (opening === 'unknown_zone') return { review: 'unknown_zone' };
  if (opening === null || opening.to <= now) return { review: 'no_window' };
  return { zone, opening };
}

/** Openings at one moment, cached by zones: most members share the same few. */
function openingsAt(calendar: Calendar, now: number): (zones: readonly string[]) => Opening | null | 'unknown_zone' {
  const known = new Map<string, Opening | null | 'unknown_zone'>();
  const look = (zones: readonly string[]): Opening | null | 'unknown_zone' => {
    try {
      return nextOpening(calendar, zones, now);
    } catch (error) {
      if (error instanceof RangeError || (Error.isError(error) && error.name === 'RangeError')) return 'unknown_zone';
      throw error;
    }
  };
  return (zones) => {
    const name = zones.join(' ');
    const found = known.get(name) ?? (known.has(name) ? null : look(zones));
    known.set(name, found);
    return found;
  };
}

/** Commits the call and its record together, so a repeat of this transaction finds that the member no longer waits. */
async function send(
  tx: Tx,
  campaignId: string,
  { memberId, sent, leadId, phoneNumber }: DueMember,
  { approval, trunk, line }: Rules,
  { zone, notAfter, sentAt }: { readonly zone: string; readonly notAfter: Date; readonly sentAt: Date },
): Promise<void> {
  const key = `${campaignId}:${memberId}:${sent + 1}`;
  await insertAttempt(tx, { key, campaignId, memberId, trunk: trunk ?? '', sentAt, notAfter });
  tx.send(
    calls.start_call,
    {
      leadId: leadId ?? memberId,
      phoneNumber,
      timeZone: zone,
      notAfter: notAfter.toISOString(),
      ...(trunk !== null && { trunk }),
      ...(line !== null && { line }),
    },
    { key, approval },
  );
}

async function end(tx: Tx, campaignId: string, outcome: 'completed' | 'stopped', at: Date): Promise<void> {
  await setCampaignState(tx, campaignId, outcome, at);
  const counts = (await countsOf(tx, [campaignId])).get(campaignId);
  if (counts !== undefined) tx.emit(campaigns.campaign_ended, { campaignId, outcome, counts, at: at.toISOString() });
}

/** `polyb campaign ls`, `show` and the commands that change a campaign. */
import { setTimeout as delay } from 'node:timers/promises';
import type { campaigns } from '../../../contracts/campaigns.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { askMethod, withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation, Run } from '../../../scripts/cli/kernel/command.ts';
import { confirm } from '../../../scripts/cli/kernel/confirm.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import type { Output } from '../../../scripts/cli/kernel/output.ts';

export type Campaign = OutputOf<typeof campaigns.get_campaign>;
type Members = OutputOf<typeof campaigns.list_members>;

const barCells = 30;
const followMs = 1_000;
/** Codes of failures that may be over at the next look. */
const passing: ReadonlySet<string> = new Set(['unavailable', 'upstream_failed', 'deadline_exceeded']);

export function changeCampaign(verb: string): Run {
  return async (invocation) => {
    const { out, signal, path } = invocation;
    const campaignId = campaignIn(invocation);
    return await withAsk(invocation, async (ask) => {
      if (verb === 'start' || verb === 'resume') {
        const { name, counts } = await ask<Campaign>('campaigns.get_campaign', { campaignId });
        await confirm(`${counts.waiting} people of "${name}" will be called`, { out, signal, subject: path });
      }
      const changed = await ask<Campaign>(`campaigns.${verb}_campaign`, { campaignId });
      await out.result(changed, { text: () => drawCampaign(changed, out) });
      return 0;
    });
  };
}

export async function listCampaigns(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const [state, limit, cursor] = [flags.text('state'), flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<OutputOf<typeof campaigns.list_campaigns>>(invocation, 'campaigns.list_campaigns', {
    ...(state !== undefined && { state }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['CAMPAIGN', 'NAME', 'STATE', 'DONE', 'MEMBERS', 'REVIEW', 'CREATED'],
      rows: page.items.map((of) => [
        of.campaignId,
        of.name,
        of.state,
        `${doneOf(of).percent} %`,
        String(doneOf(of).total),
        String(of.counts.review),
        out.time(of.createdAt),
      ]),
      right: ['DONE', 'MEMBERS', 'REVIEW'],
    }),
    items: page.items,
  });
  if (page.items.length === 0) out.note('none yet: polyb campaign import FILE.csv creates one');
  if (page.nextCursor !== null) out.note(`next page: polyb campaign ls --cursor ${page.nextCursor}`);
  return 0;
}

export async function showCampaign(invocation: Invocation): Promise<number> {
  const { flags, out, signal } = invocation;
  const campaignId = campaignIn(invocation);
  if (flags.on('members') || flags.text('state') !== undefined) return await showMembers(invocation, campaignId);
  if (!flags.on('follow')) {
    const campaign = await askMethod<Campaign>(invocation, 'campaigns.get_campaign', { campaignId });
    await out.result(campaign, { text: () => drawCampaign(campaign, out) });
    return 0;
  }
  return await withAsk(
    invocation,
    async (ask) => {
      let [last, isAway, isFirst] = ['', false, true];
      while (!signal.aborted) {
        const campaign = await ask<Campaign>('campaigns.get_campaign', { campaignId }).catch((error: unknown) => {
          // A daemon that is being restarted comes back, and so does a bus.
          if (isFirst || !isPolybError(error) || !passing.has(error.code)) throw error;
          return null;
        });
        if (campaign === null && !isAway) out.note('the service campaigns does not reply; progress continues when it does', 'warn');
        isAway = campaign === null;
        isFirst = false;
        const now = campaign === null ? last : JSON.stringify(campaign);
        if (campaign !== null && now !== last) await out.item(campaign, () => lineOf(campaign));
        last = now;
        if (campaign !== null && campaign.endedAt !== null) break;
        await delay(followMs, undefined, { signal }).catch(() => {}); // Ctrl-C stops watching.
      }
      return 0;
    },
    { lasting: true },
  );
}

async function showMembers(invocation: Invocation, campaignId: string): Promise<number> {
  const { flags, out } = invocation;
  const [state, limit, cursor] = [flags.text('state'), flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<Members>(invocation, 'campaigns.list_members', {
    campaignId,
    ...(state !== undefined && { state }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['MEMBER', 'PHONE', 'NAME', 'STATE', 'REASON', 'CALLS', 'DUE', 'CALL'],
      rows: page.items.map((of) => [
        of.memberId,
        of.phoneNumber,
        of.name ?? '',
        of.state,
        of.reason ?? '',
        String(of.attempts),
        of.dueAt === null ? '' : out.time(of.dueAt),
        of.callId ?? '',
      ]),
      right: ['CALLS'],
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb campaign show ${campaignId} --members --cursor ${page.nextCursor}`);
  return 0;
}

function campaignIn({ args, path }: Pick<Invocation, 'args' | 'path'>): string {
  const [campaignId] = args;
  if (campaignId === undefined) throw wrongUsage('expected the id of a campaign', { subject: path, next: ['polyb campaign ls'] });
  return campaignId;
}

/** Members with no further call expected, including those in review. */
function doneOf({ counts }: Campaign): { readonly done: number; readonly total: number; readonly percent: number } {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const done = total - counts.waiting - counts.dialling;
  return { done, total, percent: total === 0 ? 0 : Math.floor((100 * done) / total) };
}
const countsIn = ({ counts }: Campaign): string =>
  Object.entries({ ...counts, 'not answered': counts.notAnswered, 'not allowed': counts.notAllowed, notAnswered: 0, notAllowed: 0 })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join('  ');
const lineOf = (campaign: Campaign): string => {
  const { done, total, percent } = doneOf(campaign);
  return `${campaign.state.padEnd(9)}  ${String(percent).padStart(3)} %  ${done} of ${total}  ${countsIn(campaign)}`;
};
export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
/** In the format of `--window`: consecutive days with the same times are one window. */
function windowsIn(rules: NonNullable<Campaign['rules']>): string {
  const spans: { readonly first: number; last: number; readonly times: string }[] = [];
  for (const { weekday, from, to } of rules.windows) {
    const times = `${from}-${to}`;
    const before = spans.find((span) => span.times === times && span.last === weekday - 1);
    if (before === undefined) spans.push({ first: weekday, last: weekday, times });
    else before.last = weekday;
  }
  const name = (weekday: number): string => days[weekday - 1] ?? '';
  return spans.map(({ first, last, times }) => `${name(first)}${first === last ? '' : `-${name(last)}`} ${times}`).join(', ');
}
export function drawCampaign(campaign: Campaign, out: Output): string {
  const { rules } = campaign;
  const { done, total, percent } = doneOf(campaign);
  const cells = total === 0 ? 0 : Math.floor((barCells * done) / total);
  const [full, empty] = out.ascii ? ['#', '.'] : ['█', '░'];
  const lines: readonly (readonly [string, string | null])[] = [
    ['campaign', `${campaign.campaignId}  ${campaign.name}`],
    ['state', campaign.state],
    ['done', `${full.repeat(cells)}${empty.repeat(barCells - cells)}  ${percent} %  ${done} of ${total}`],
    ['members', countsIn(campaign)],
    ['calls', rules && `${windowsIn(rules)} where the member is; ${rules.inFlight} at a time, ${rules.perHour} an hour`],
    ...campaign.holds.map(({ reason, members, since }): readonly [string, string] => [
      'held',
      `${reason}: ${members === 0 ? 'nobody is called' : `${members} members`}, since ${out.time(since)}`,
    ]),
    ['next', campaign.state === 'running' ? campaign.nextAt && out.time(campaign.nextAt) : null],
    ['started', campaign.startedAt && out.time(campaign.startedAt)],
    ['ended', campaign.endedAt && out.time(campaign.endedAt)],
  ];
  return lines.flatMap(([name, value]) => (value ? [`${name.padEnd(10)}${value}\n`] : [])).join('');
}

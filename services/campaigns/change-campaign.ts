/** Starts, pauses, resumes and stops campaigns. */
import { newId } from '../../bus/durable/identity.ts';
import type { Commit, Handler, Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { campaigns } from '../../contracts/campaigns.ts';
import { actorOf } from '../../contracts/common.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import {
  type CampaignStatus,
  type CampaignView,
  findCampaign,
  hasWaiting,
  insertCampaign,
  lockCampaign,
  setCampaignState,
  viewsOf,
  withdraw,
} from './rows.ts';

export function unknownCampaign(campaignId: string): PolybError {
  return new PolybError('not_found', `There is no campaign ${campaignId}; list_campaigns lists them.`);
}

export function createCampaign(now: () => number): Handler<typeof campaigns.create_campaign> {
  return ({ name, rules, onBehalfOf }, { commit, caller }) =>
    commit(async (tx) => {
      const campaignId = newId('cmp');
      await insertCampaign(tx, { campaignId, name, rules, createdBy: actorOf(caller, onBehalfOf), createdAt: new Date(now()) });
      return viewOf(tx, campaignId);
    });
}

type Change = Handler<typeof campaigns.start_campaign>;

/** Moves a campaign from one of the states in `from` to `to`; has no effect in the states of `done`. */
function change(
  commit: Commit,
  now: () => number,
  { from, to, done }: { readonly from: readonly CampaignStatus[]; readonly to: CampaignStatus; readonly done: readonly CampaignStatus[] },
  more: (tx: Tx, campaignId: string, at: Date) => Promise<void> = async () => {},
): Change {
  return ({ campaignId }) =>
    commit(async (tx) => {
      const campaign = await lockCampaign(tx, campaignId);
      if (campaign === null) throw unknownCampaign(campaignId);
      if (from.includes(campaign.state)) {
        const at = new Date(now());
        await more(tx, campaignId, at);
        await setCampaignState(tx, campaignId, to, at);
      } else if (!done.includes(campaign.state))
        throw new PolybError('failed_precondition', `Campaign ${campaignId} is ${campaign.state}, not ${from.join(' or ')}.`, {
          reason: 'wrong_state',
        });
      return viewOf(tx, campaignId);
    });
}
/** Calls that have begun go on; the others become stale, and their members wait again. */
const withdrawCalls = (why: string) => async (tx: Tx, campaignId: string, at: Date) =>
  tx.outdate(calls.start_call, await withdraw(tx, campaignId, at), why);

export const startCampaign = (commit: Commit, now: () => number): Change =>
  change(commit, now, { from: ['draft'], to: 'running', done: ['running', 'completed'] }, async (tx, campaignId) => {
    if (await hasWaiting(tx, campaignId)) return;
    throw new PolybError('failed_precondition', `Campaign ${campaignId} has no member that may be called; add_members adds them.`, {
      reason: 'no_members',
    });
  });
export const pauseCampaign = (commit: Commit, now: () => number): Change =>
  change(commit, now, { from: ['running'], to: 'paused', done: ['paused'] }, withdrawCalls('The campaign was paused.'));
export const resumeCampaign = (commit: Commit, now: () => number): Change =>
  change(commit, now, { from: ['paused'], to: 'running', done: ['running'] });
/** The dispatch loop ends the campaign once its last call is over. */
export const stopCampaign = (commit: Commit, now: () => number): Change =>
  change(
    commit,
    now,
    { from: ['draft', 'running', 'paused'], to: 'stopping', done: ['stopping', 'stopped', 'completed'] },
    withdrawCalls('The campaign was stopped.'),
  );

export async function viewOf(tx: Parameters<typeof findCampaign>[0], campaignId: string): Promise<CampaignView> {
  const row = await findCampaign(tx, campaignId);
  const [view] = row === null ? [] : await viewsOf(tx, [row]);
  if (view === undefined) throw unknownCampaign(campaignId);
  return view;
}

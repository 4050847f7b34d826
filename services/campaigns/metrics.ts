import { counter, gauge } from '../../contracts/kit/metric.ts';

export const campaignMembers = gauge('polyb_campaign_members', {
  help: 'Members of unfinished campaigns, by state.',
  isShared: true,
  labels: { state: ['waiting', 'dialling', 'answered', 'not_answered', 'refused', 'not_allowed', 'review'] },
});
export const campaignCallsTotal = counter('polyb_campaign_calls_total', {
  help: 'Ended calls of campaigns, by outcome, including withdrawn and forbidden ones.',
  labels: { outcome: 'any' },
});
export const campaignHolds = gauge('polyb_campaign_holds', {
  help: 'Reasons for which members of unfinished campaigns are held for a person.',
  isShared: true,
});

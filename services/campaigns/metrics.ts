import { counter, gauge } from '../../contracts/kit/metric.ts';

export const campaignMembers = gauge('polyb_campaign_members', {
  help: 'Members of campaigns that have not ended, by state.',
  isShared: true,
  labels: { state: ['waiting', 'dialling', 'answered', 'not_answered', 'refused', 'not_allowed', 'review'] },
});
export const campaignCallsTotal = counter('polyb_campaign_calls_total', {
  help: 'Calls of campaigns that ended, by outcome; withdrawn ones and those that were not allowed too.',
  labels: { outcome: 'any' },
});
export const campaignHolds = gauge('polyb_campaign_holds', {
  help: 'Reasons for which members of campaigns that have not ended wait for a person.',
  isShared: true,
});

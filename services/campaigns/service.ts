/** Calls lists of people: each member only inside its windows, with consent, and once per attempt. */
import { every, service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { campaigns, MemberState } from '../../contracts/campaigns.ts';
import { inbox } from '../../contracts/inbox.ts';
import { settled } from '../../contracts/kit/define.ts';
import { addMembers } from './add-members.ts';
import { createCampaign, pauseCampaign, resumeCampaign, startCampaign, stopCampaign } from './change-campaign.ts';
import { dispatchCalls } from './dispatch.loop.ts';
import { freshList } from './do-not-call.ts';
import { eraseMembers } from './erase.ts';
import { campaignHolds, campaignMembers } from './metrics.ts';
import { onCallEnded } from './on-call-ended.ts';
import { onDoNotCallChanged } from './on-do-not-call-changed.ts';
import { onPersonErased } from './on-person-erased.ts';
import { onPhoneOwnersChanged } from './on-phone-owners-changed.ts';
import { onStartCallSettled } from './on-start-call-settled.ts';
import { getCampaign, listCampaigns, listMembers } from './read-campaigns.ts';
import { countHolds, countMembers, forgetCampaigns } from './rows.ts';
import { campaignSettings } from './settings.ts';
import { parseHolidays } from './windows.ts';

const dayMs = 86_400_000;

export default service({
  serves: { campaigns },
  uses: [
    ...[calls.start_call, settled(calls.start_call), calls.call_ended, calls.list_forbidden, calls.do_not_call_changed],
    ...[inbox.person_erased, inbox.phone_owners_changed],
  ],
  settings: campaignSettings,
}).start(async ({ settings, bus, db, log, metrics, now }) => {
  const { commit, call } = bus;
  metrics.sample(async () => {
    const [members, holds] = await Promise.all([countMembers(db), countHolds(db)]);
    return [
      ...MemberState.options.map((state) => ({ of: campaignMembers, labels: { state }, value: members.get(state) ?? 0 })),
      { of: campaignHolds, labels: {}, value: holds },
    ];
  });
  return {
    campaigns: {
      create_campaign: createCampaign(now),
      add_members: addMembers(commit, now),
      start_campaign: startCampaign(commit, now),
      pause_campaign: pauseCampaign(commit, now),
      resume_campaign: resumeCampaign(commit, now),
      stop_campaign: stopCampaign(commit, now),
      get_campaign: getCampaign(db),
      list_campaigns: listCampaigns(db),
      list_members: listMembers(db),
      erase_members: eraseMembers(commit),
    },
    on: [onCallEnded(now), onStartCallSettled(now), onDoNotCallChanged(), onPersonErased(), onPhoneOwnersChanged()],
    loops: [
      dispatchCalls({
        ...{ db, commit, now, log },
        isHoliday: parseHolidays(settings.CAMPAIGN_HOLIDAYS) ?? (() => true), // The settings schema has already rejected unreadable days.
        trunkCalls: settings.CAMPAIGN_TRUNK_CALLS,
        listMaxAgeMs: settings.CAMPAIGN_LIST_MAX_AGE_MS,
        refreshList: freshList({ db, commit, call, log, now }, settings.CAMPAIGN_LIST_MAX_AGE_MS),
      }),
      every('forget_campaigns', '23 4 * * *', (signal) =>
        forgetCampaigns(db, new Date(now() - settings.CAMPAIGN_KEEP_DAYS * dayMs), signal),
      ),
    ],
  };
});

import type { Handler, Queries } from '../../bus/service.ts';
import type { campaigns } from '../../contracts/campaigns.ts';
import { badCursor, narrowedTo } from '../../contracts/common.ts';
import { unknownCampaign, viewOf } from './change-campaign.ts';
import { findCampaign, pageOfCampaigns, pageOfMembers, viewsOf } from './rows.ts';

export function getCampaign(db: Queries): Handler<typeof campaigns.get_campaign> {
  return ({ campaignId }) => viewOf(db, campaignId);
}

export function listCampaigns(db: Queries): Handler<typeof campaigns.list_campaigns> {
  return async ({ state = null, limit, cursor }) => {
    const rows = await pageOfCampaigns(db, { state, before: positionIn(cursor), limit: limit + 1 });
    const shown = rows.slice(0, limit);
    return { items: await viewsOf(db, shown), nextCursor: rows.length > limit ? (shown.at(-1)?.seq ?? null) : null };
  };
}

export function listMembers(db: Queries): Handler<typeof campaigns.list_members> {
  return async ({ campaignId, state = null, viewer, limit, cursor }) => {
    if ((await findCampaign(db, campaignId)) === null) throw unknownCampaign(campaignId);
    const page = { campaignId, state, seenBy: narrowedTo(viewer), after: positionIn(cursor), limit: limit + 1 };
    const rows = await pageOfMembers(db, page);
    const shown = rows.slice(0, limit);
    return { items: shown.map(({ view }) => view), nextCursor: rows.length > limit ? (shown.at(-1)?.seq ?? null) : null };
  };
}

function positionIn(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  if (!/^\d{1,18}$/.test(cursor)) throw badCursor();
  return cursor;
}

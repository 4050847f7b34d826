import type { Handler, Queries } from '../../bus/service.ts';
import { badCursor } from '../../contracts/common.ts';
import type { telephony } from '../../contracts/telephony.ts';
import { sipMessagesOf } from './sip-message-rows.ts';

export function listSipMessages(db: Queries): Handler<typeof telephony.list_sip_messages> {
  return async ({ callId, limit, cursor = '0' }) => {
    if (!/^\d{1,18}$/.test(cursor)) throw badCursor();
    const found = await sipMessagesOf(db, callId, cursor, limit + 1);
    const items = found.slice(0, limit);
    return {
      items: items.map(({ seq: _, at, ...message }) => ({ ...message, at: new Date(at).toISOString() })),
      nextCursor: found.length > limit ? (items.at(-1)?.seq ?? null) : null,
    };
  };
}

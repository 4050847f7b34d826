import type { Queries } from '../../bus/service.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { routeOf } from './rows.ts';

/** Sends to the current address of the chat: recipient, bot and channel in a draft are for approvers and decide nothing. */
export function routed(effect: Effect<typeof messages.deliver>, db: Queries): Effect<typeof messages.deliver> {
  return {
    ...effect,
    async attempt(draft, at) {
      const route = await routeOf(db, draft.chatId);
      if (route === null)
        throw new PolybError('failed_precondition', `No message to ${draft.chatId} came through send_message; send it again.`, {
          reason: 'no_route',
          outcome: 'not_executed',
        });
      return effect.attempt({ ...draft, ...route }, at);
    },
  };
}

import { byField, type Queries } from '../../bus/service.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { routeOf } from './rows.ts';

type Delivering = Effect<typeof messages.deliver>;
/**
 * Sends to the current address of the chat through its channel: recipient, bot and channel in a draft are for approvers and decide
 * nothing.
 */
export function routed(effects: ReadonlyMap<string, Delivering>, db: Queries): Delivering {
  const { attempt, onUnknown } = byField<typeof messages.deliver>('channel', Object.fromEntries(effects));
  return {
    onUnknown,
    async attempt(draft, at) {
      const route = await routeOf(db, draft.chatId);
      if (route === null)
        throw new PolybError('failed_precondition', `No message to ${draft.chatId} came through send_message; send it again.`, {
          reason: 'no_route',
          outcome: 'not_executed',
        });
      return attempt({ ...draft, ...route }, at);
    },
  };
}

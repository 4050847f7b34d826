import type { Sending } from '../../adapters/channel/port.ts';
import type { Handler, Log } from '../../bus/service.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';

export function settlePress(sendings: ReadonlyMap<string, Pick<Sending, 'settlePress'>>, log: Log): Handler<typeof messages.settle_press> {
  return async ({ channel, ...press }, { signal, commit }) => {
    await sendings
      .get(channel)
      ?.settlePress?.(press, signal)
      .catch((error: unknown) => {
        if (!isPolybError(error) || error.code !== 'failed_precondition') throw error;
        // The channel will refuse it for ever, for example because the customer has blocked the bot; no operator can help.
        log.warn({ err: error, channel }, 'a press could not be answered');
      });
    return commit(async () => ({}));
  };
}

import type { Sending } from '../../adapters/channel/port.ts';
import type { Handler } from '../../bus/service.ts';
import type { messages } from '../../contracts/messages.ts';

export function settlePress(sendings: ReadonlyMap<string, Pick<Sending, 'settlePress'>>): Handler<typeof messages.settle_press> {
  return async ({ channel, ...press }, { signal, commit }) => {
    await sendings.get(channel)?.settlePress?.(press, signal);
    return commit(async () => ({}));
  };
}

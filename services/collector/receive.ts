import type { ChannelName, Poller } from '../../adapters/channel/port.ts';
import { type Loop, loop } from '../../bus/service.ts';
import type { Outsider } from '../../bus/telemetry/dependencies.ts';
import type { Intake } from './intake.ts';

/** A turn must end well within the lease of its loop (15 s), of which half may be over when it begins. */
const pollMs = 5_000;
/** Between two questions to a channel that answers at once although it has nothing. */
const idleMs = 50;

/** Asks a bot's channel for updates. What was answered is confirmed by the next question, so only once it is committed. */
export function receive(channel: ChannelName, poller: Poller, { take }: Intake, outside: Outsider): Loop {
  const { botId } = poller;
  let isOpen = false;
  let confirmed: string | null = null;
  return loop(`receive_${channel}_${botId}`, { idleMs, only: `receive_${channel}_${botId}` }, async (signal) => {
    if (!isOpen) await outside.watch(() => poller.open(signal));
    isOpen = true;
    const updates = await outside.watch(() => poller.poll(confirmed, pollMs, signal));
    if (updates.length === 0) {
      // All is confirmed now. Telegram may number anew from a lower number after a quiet week, which an old offset would confirm unseen.
      confirmed = null;
      return 'idle';
    }
    await take(channel, { botId, updates });
    confirmed = String(Math.max(...updates.map(({ externalId }) => Number(externalId))));
    return 'more';
  });
}

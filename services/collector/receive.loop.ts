import type { ChannelName, Poller } from '../../adapters/channel/port.ts';
import { type Loop, loop } from '../../bus/service.ts';
import type { Dependency } from '../../bus/telemetry/dependencies.ts';
import type { UpdateIntake } from './intake.ts';

/** A turn must end well within the lease of its loop (15 s), half of which may have passed when it begins. */
const pollMs = 5_000;
/** Pause between polls of a channel that returns at once although it has nothing. */
const idleMs = 50;

/** Polls the channel of a bot. The next poll confirms the updates of the last one, so it starts only after their commit. */
export function receive(channel: ChannelName, poller: Poller, { take }: UpdateIntake, outside: Dependency): Loop {
  const { botId } = poller;
  let isOpen = false;
  let confirmed: string | null = null;
  return loop(`receive_${channel}_${botId}`, { idleMs, only: `receive_${channel}_${botId}` }, async (signal) => {
    if (!isOpen) await outside.watch(() => poller.open(signal));
    isOpen = true;
    const updates = await outside.watch(() => poller.poll(confirmed, pollMs, signal));
    if (updates.length === 0) {
      // All is confirmed now. After a quiet week Telegram may restart from a lower number, which an old offset would confirm unseen.
      confirmed = null;
      return 'idle';
    }
    await take(channel, { botId, updates });
    confirmed = String(Math.max(...updates.map(({ externalId }) => Number(externalId))));
    return 'more';
  });
}

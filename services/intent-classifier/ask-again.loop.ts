import type { Bus } from '../../bus/bus.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { intents } from '../../contracts/intents.ts';
import { unanswered } from './rows.ts';

/** A message keeps its local guess while the language model fails, and is classified again when it may be back. */
export function askAgain(bus: Pick<Bus, 'commit'>, now: () => number): Loop {
  const batch = 100;
  return loop('ask_again', { idleMs: 60_000, only: 'ask_again' }, async () => {
    await bus.commit(async (tx) => {
      const waiting = await unanswered(tx, new Date(now()), batch);
      // If it is sent again before that, it is the same row of the journal.
      for (const { messageId, version } of waiting)
        tx.send(intents.classify_message, { messageId }, { key: `${messageId}:after:${version}` });
    });
    return 'idle';
  });
}

import { type Loop, loop } from '../../bus/service.ts';
import type { JournalParts } from './change-row.ts';

/** Goes on with the replays, in one process of all. */
export function replayDue({ desk }: Pick<JournalParts, 'desk'>): Loop {
  return loop('replay', { idleMs: 1_000, only: 'replay' }, async (signal) => ((await desk.replays.turn(signal)) ? 'more' : 'idle'));
}

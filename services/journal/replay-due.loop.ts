import { type Loop, loop } from '../../bus/service.ts';
import type { JournalParts } from './change-row.ts';
import { findRow } from './find-row.ts';
import { headOf } from './shown-row.ts';

/** Goes on with the replays, in one process of all. */
export function replayDue({ desk, announce, now }: Pick<JournalParts, 'desk' | 'announce' | 'now'>): Loop {
  const retried = async (rowId: string): Promise<void> => announce(headOf(await findRow(desk, rowId), now()));
  return loop('replay', { idleMs: 1_000, only: 'replay' }, async (signal) =>
    (await desk.replays.turn(signal, retried)) ? 'more' : 'idle',
  );
}

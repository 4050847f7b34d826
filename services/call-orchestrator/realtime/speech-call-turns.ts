import type { Bus, Queries } from '../../../bus/service.ts';
import type { TalkEntry } from '../talk/machine.ts';
import { reportTurn } from '../talk/report-turn.ts';
import { entriesOf } from '../talk/transcript-rows.ts';
import { createTurns } from '../talk/turns.ts';

/**
 * Reports the turns of a call at a provider as `calls.turn_completed`. The stored transcript tells which turns have been reported, so that
 * the next instance that attends the call goes on with their numbers.
 */
export async function reportTurnsOf(
  callId: string,
  { db, bus }: { readonly db: Queries; readonly bus: Pick<Bus, 'commit'> },
): Promise<{
  /** Takes a stored entry. */
  add(entry: TalkEntry): Promise<void>;
  /** Ends the call. */
  end(): Promise<void>;
}> {
  const turns = createTurns();
  const stored = await entriesOf(db, callId);
  let reported = stored.flatMap((entry) => turns.add(entry)).length;
  async function report(over: ReturnType<typeof turns.end>): Promise<void> {
    for (const turn of over) {
      await reportTurn({ callId, direction: 'in' }, reported, turn, { bus });
      reported += 1;
    }
  }
  return { add: (entry) => report(turns.add(entry)), end: () => report(turns.end()) };
}

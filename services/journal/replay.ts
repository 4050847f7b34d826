/** Dead letters by groups, and their replay. */
import type { StoredReplay } from '../../adapters/store/journal/replays.ts';
import { newId } from '../../bus/durable/identity.ts';
import type { HandlersOf } from '../../bus/service.ts';
import { actorOf } from '../../contracts/common.ts';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { JournalParts } from './change-row.ts';
import { countOf } from './count-rows.ts';

type ReplayMethods = Pick<HandlersOf<typeof journal>, 'list_dead_letter_groups' | 'replay' | 'cancel_replay' | 'list_replays'>;
const mostGroups = 1_000;
const mostReplays = 100;

export function replayHandlers({ desk }: Pick<JournalParts, 'desk'>): ReplayMethods {
  return {
    list_dead_letter_groups: async () => ({
      groups: (await desk.deadGroups(mostGroups)).map(({ method, reason, rows, oldest_at, newest_at, example_id: exampleId }) => ({
        method,
        reason,
        ...countOf(rows),
        oldestAt: oldest_at.toISOString(),
        newestAt: newest_at.toISOString(),
        exampleId,
      })),
    }),
    replay: async ({ onBehalfOf, ...of }, { caller }) => {
      const replay = await desk.replays.start({ ...of, id: newId('replay'), who: actorOf(caller, onBehalfOf) });
      if (replay !== null) return shownReplay(replay);
      throw new PolybError('conflict', `${of.method} ${of.reason} is being replayed; list_replays shows it.`, { reason: 'in_progress' });
    },
    cancel_replay: async ({ replayId }) => {
      const replay = await desk.replays.cancel(replayId);
      if (replay !== null) return shownReplay(replay);
      throw new PolybError('not_found', 'There is no replay of this id; list_replays shows them.');
    },
    list_replays: async () => ({ replays: (await desk.replays.list(mostReplays)).map(shownReplay) }),
  };
}

function shownReplay(replay: StoredReplay): OutputOf<typeof journal.replay> {
  const { id: replayId, per_second: perSecond, created_at, ended_at, ...rest } = replay;
  return { replayId, perSecond, createdAt: created_at.toISOString(), endedAt: ended_at?.toISOString() ?? null, ...rest };
}

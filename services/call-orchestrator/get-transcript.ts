import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { narrowedTo } from '../../contracts/common.ts';
import { missing } from './read-calls.ts';
import { findCall } from './rows.ts';
import { entriesOf } from './talk/transcript-rows.ts';

const time = (ms: number): string => new Date(ms).toISOString();

export function getTranscript(db: Queries): Handler<typeof calls.get_transcript> {
  return async ({ callId, viewer }) => {
    if ((await findCall(db, callId, narrowedTo(viewer))) === null) missing(callId);
    const entries = await entriesOf(db, callId);
    return {
      entries: entries.map(({ startedAt, endedAt, waterfall, ...said }) => ({
        ...said,
        startedAt: time(startedAt),
        endedAt: time(endedAt),
        waterfall: waterfall && {
          lastSoundAt: time(waterfall.lastSoundAt),
          wordsAt: time(waterfall.wordsAt),
          turnEndAt: time(waterfall.turnEndAt),
          sentenceAt: time(waterfall.sentenceAt),
          audioAt: time(waterfall.audioAt),
          heardAt: time(waterfall.heardAt),
        },
      })),
    };
  };
}

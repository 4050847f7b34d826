/**
 * Recognizes speech of any length with a provider of short sessions: an idle session is ended, and an old one is replaced, if possible in a
 * pause between two utterances. The next session receives the audio without a known final text.
 */
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { rateHz } from '../../media/audio/g711.ts';
import type { Clock } from '../../media/sip/clock.ts';
import { createOutbox, type Outbox } from '../outbox.ts';
import { emitted } from './emitted.ts';
import type { Ear, HeardItem, SpokenItem } from './port.ts';
import { moved } from './times.ts';
import { createUnsettled } from './unsettled.ts';

export interface Rotation {
  /** From this age on, a session ends at a pause. */
  readonly pauseAfterMs: number;
  /** At this age it ends in any case. */
  readonly longestMs: number;
  /** Bytes of μ-law per session. */
  readonly mostBytes: number;
  /** A session without audio for this long ends. */
  readonly idleMs: number;
  readonly clock: Clock;
}
interface Session {
  readonly from: number;
  readonly openedAt: number;
  readonly up: Outbox<SpokenItem>;
  readonly left: AbortController;
  bytes: number;
}

/** @param hear one session */
export function rotated(hear: Ear['hear'], { pauseAfterMs, longestMs, mostBytes, idleMs, clock }: Rotation): Ear['hear'] {
  return (spoken, options, outer) =>
    emitted<HeardItem>(async (emit, signal) => {
      const audio = createUnsettled();
      const ended = Promise.withResolvers<void>();
      let session: Session | undefined;
      let isOver = false;
      let cancelIdle = (): void => {};

      function open(): Session {
        const { from, items } = audio.replay();
        if (!isQuiet()) emit({ kind: 'starts_over' });
        const mine: Session = { from, openedAt: clock.now(), up: createOutbox(), left: new AbortController(), bytes: 0 };
        session = mine;
        for (const item of items) give(mine, item);
        void listen(mine);
        return mine;
      }
      function give(mine: Session, item: SpokenItem): void {
        if (item instanceof Uint8Array) mine.bytes += item.length;
        mine.up.put(item);
      }
      function leave(): void {
        session?.left.abort();
        session?.up.end();
        session = undefined;
      }
      const isQuiet = (): boolean => !audio.hasSpeech && audio.owed.length === 0;
      async function listen(mine: Session): Promise<void> {
        try {
          for await (const item of hear(mine.up, options, AbortSignal.any([signal, mine.left.signal])))
            if (session === mine) take(mine, item);
          if (session !== mine) return;
          if (isOver) {
            ended.resolve();
            return;
          }
          if (!isQuiet())
            throw new PolybError('unavailable', 'The session of speech recognition ended before the talk.', { reason: 'ear_broke_off' });
          session = undefined;
        } catch (thrown) {
          if (session !== mine) return;
          // Nothing is lost if a session ends between utterances.
          if (isQuiet() && !isOver && isPolybError(thrown) && thrown.code !== 'failed_precondition' && mine.bytes > 0) session = undefined;
          else ended.reject(thrown);
        }
      }
      function take(mine: Session, item: HeardItem): void {
        if (item.kind === 'final') {
          const final = moved(item, Math.round((mine.from * 1_000) / rateHz));
          audio.settle(Math.round((final.endMs * rateHz) / 1_000));
          emit(final);
          return;
        }
        if (item.kind === 'finalized') audio.answer();
        emit(item);
      }
      function waitForIdle(): void {
        cancelIdle();
        cancelIdle = clock.after(idleMs, () => {
          if (isOver) return;
          if (isQuiet()) leave();
          else waitForIdle();
        });
      }
      async function feed(): Promise<void> {
        for await (const item of spoken) {
          if (signal.aborted) return;
          const ageMs = session === undefined ? 0 : clock.now() - session.openedAt;
          if (ageMs >= longestMs || (session?.bytes ?? 0) >= mostBytes || (ageMs >= pauseAfterMs && isQuiet())) leave();
          if (session === undefined && !(item instanceof Uint8Array) && isQuiet()) {
            emit({ kind: 'finalized' });
            continue;
          }
          const mine = session ?? open();
          audio.push(item);
          give(mine, item);
          waitForIdle();
        }
        isOver = true;
        if (session === undefined) ended.resolve();
        else session.up.end();
      }
      signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true });
      open();
      waitForIdle();
      try {
        await Promise.race([feed().then(() => ended.promise), ended.promise]);
      } finally {
        cancelIdle();
        leave();
      }
    }, outer);
}

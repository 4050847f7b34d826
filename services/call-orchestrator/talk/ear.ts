/** The recogniser of a talk: one stream of `asr` for all segments, reopened when it breaks off. */
import type { z } from 'zod';
import { createOutbox } from '../../../adapters/outbox.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { asr } from '../../../contracts/asr.ts';
import type { Expected } from './end-of-turn.ts';

export interface EarParts {
  readonly bus: Pick<Bus, 'open'>;
  readonly log: Log;
  readonly language: string;
  /** @param endOfTurn where the recogniser judges it */
  readonly heard: (segment: number, text: string, isFinal: boolean, endOfTurn: number | null) => void;
  /** The words of the segment so far are void: another recogniser starts it over. */
  readonly heardAnew: (segment: number) => void;
  /** A recogniser starts over with the segment, so its words come late. */
  readonly startsOver: (segment: number) => void;
  readonly finalized: (segment: number) => void;
}
export interface Ear {
  begin(segment: number): void;
  hear(pcmu: Uint8Array): void;
  end(): void;
  /** What the customer is likely to say next. */
  expect(expects: readonly Expected[]): void;
  close(): void;
}
type Up = z.input<typeof asr.recognize_stream.up>;
/** Bytes sent at a time: 100 ms. */
const partBytes = 800;
/** Maximum audio of a segment kept for a second attempt. */
const keptBytes = 480_000;

interface SentSegment {
  readonly id: number;
  readonly audio: Uint8Array[];
  bytes: number;
  hasEnded: boolean;
  /** Whether it has been resent. */
  isSecond: boolean;
  /** Whether there are words: of this recogniser, or of the previous one, which become void with the first new word. */
  hasWords: boolean;
  isAnew: boolean;
}

export function createEar({ bus, log, language, heard, heardAnew, startsOver, finalized }: EarParts, signal: AbortSignal): Ear {
  let up = createOutbox<Up>();
  let isOpen = false;
  /** Segments sent but not finalized, with their audio; the last one may still go on. */
  let segments: SentSegment[] = [];
  let part: Uint8Array[] = [];
  let expected: readonly Expected[] = [];

  function flush(): void {
    if (part.length > 0) up.put(Buffer.concat(part));
    part = [];
  }
  async function listen(items: AsyncIterable<z.output<typeof asr.recognize_stream.down>>): Promise<void> {
    for await (const item of items) {
      const segment = segments[0];
      if (segment === undefined) continue;
      if (item.kind === 'finalized') {
        segments.shift();
        finalized(segment.id);
        continue;
      }
      if (item.kind === 'partial' && item.startsOver) {
        startsOver(segment.id);
        continue;
      }
      if (segment.isAnew) heardAnew(segment.id);
      segment.isAnew = false;
      segment.hasWords = true;
      heard(segment.id, item.text, item.kind === 'final', item.endOfTurn ?? null);
    }
  }
  function open(): void {
    if (isOpen || signal.aborted) return;
    isOpen = true;
    const mine = createOutbox<Up>();
    up = mine;
    if (expected.length > 0) up.put({ expects: [...expected] });
    listen(bus.open(asr.recognize_stream, { language }, mine, { signal }))
      .catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err }, 'the recogniser of a call broke off; it is opened again');
      })
      .finally(() => {
        mine.end();
        isOpen = false;
        again();
      });
  }
  /** Resends the segments that were not finalized; one that fails twice has no words. */
  function again(): void {
    if (signal.aborted) return;
    part = [];
    const failed = segments.filter(({ isSecond, hasEnded }) => isSecond && hasEnded);
    segments = segments.filter((each) => !failed.includes(each));
    for (const { id } of failed) finalized(id);
    if (segments.length === 0) return;
    open();
    for (const segment of segments) {
      segment.isSecond = true;
      segment.isAnew = segment.hasWords;
      startsOver(segment.id);
      for (const audio of segment.audio) up.put(audio);
      if (segment.hasEnded) up.put({ finalize: true });
    }
  }
  // Opened in advance, so that the first word does not wait for the recogniser to start.
  open();
  return {
    begin(id) {
      open();
      segments.push({ id, audio: [], bytes: 0, hasEnded: false, isSecond: false, hasWords: false, isAnew: false });
    },
    hear(pcmu) {
      part.push(pcmu);
      const segment = segments.at(-1);
      if (segment !== undefined && segment.bytes < keptBytes) {
        segment.audio.push(pcmu);
        segment.bytes += pcmu.length;
      }
      if (part.reduce((sum, { length }) => sum + length, 0) >= partBytes) flush();
    },
    end() {
      flush();
      const segment = segments.at(-1);
      if (segment === undefined || segment.hasEnded) return;
      segment.hasEnded = true;
      up.put({ finalize: true });
    },
    expect(expects) {
      if (expects.join() === expected.join()) return;
      expected = expects;
      up.put({ expects: [...expects] });
    },
    close: () => up.end(),
  };
}

/** The recogniser of a talk: one stream of `asr` that hears segment after segment, and is opened again when it breaks off. */
import type { z } from 'zod';
import { createOutbox } from '../../../adapters/outbox.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { asr } from '../../../contracts/asr.ts';

export interface EarParts {
  readonly bus: Pick<Bus, 'open'>;
  readonly log: Log;
  readonly language: string;
  /** @param endOfTurn of a final, where the recogniser judges it */
  readonly heard: (segment: number, text: string, isFinal: boolean, endOfTurn: number | null) => void;
  /** The words of the segment so far are void: another recogniser hears it from its beginning. */
  readonly heardAnew: (segment: number) => void;
  readonly finalized: (segment: number) => void;
}
export interface Ear {
  begin(segment: number): void;
  hear(pcmu: Uint8Array): void;
  end(): void;
  close(): void;
}
type Up = z.input<typeof asr.recognize_stream.up>;
/** Frames are sent in parts of so many bytes, 100 ms. */
const partBytes = 800;
/** A segment of the audio that is kept for a second attempt. */
const keptBytes = 480_000;

interface Sent {
  readonly id: number;
  readonly audio: Uint8Array[];
  bytes: number;
  hasEnded: boolean;
  /** It was sent once more. */
  isSecond: boolean;
  /** The recogniser has heard words in it, or the one before has, whose words are void with the first of this one. */
  hasWords: boolean;
  isAnew: boolean;
}

export function createEar({ bus, log, language, heard, heardAnew, finalized }: EarParts, signal: AbortSignal): Ear {
  let up = createOutbox<Up>();
  let isOpen = false;
  /** Segments that were sent and not finalized, with their audio; the last one may go on. */
  let segments: Sent[] = [];
  let part: Uint8Array[] = [];

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
      if (segment.isAnew) heardAnew(segment.id);
      segment.isAnew = false;
      segment.hasWords = true;
      heard(segment.id, item.text, item.kind === 'final', (item.kind === 'final' ? item.endOfTurn : undefined) ?? null);
    }
  }
  function open(): void {
    if (isOpen || signal.aborted) return;
    isOpen = true;
    const mine = createOutbox<Up>();
    up = mine;
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
  /** What was not finalized is sent once more; a segment that fails twice has no words. */
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
      for (const audio of segment.audio) up.put(audio);
      if (segment.hasEnded) up.put({ finalize: true });
    }
  }
  // Opened before the first word, so that it does not wait for a recogniser that starts.
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
    close: () => up.end(),
  };
}

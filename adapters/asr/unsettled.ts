/** The audio of a talk of which no final text is known yet, for the ear that takes over. Places are bytes from the beginning. */
import { decode, rateHz } from '../../media/audio/g711.ts';
import { createSpeechDetector } from '../../media/audio/speech.ts';
import type { SpokenItem } from './port.ts';

/** A minute. Older audio is given up. */
const mostBytes = 60 * rateHz;
/** Silence that is kept before speech. */
const leadBytes = rateHz;
/** Speech counts so long beyond its end. */
const stopMs = 300;
const frameBytes = rateHz / 50;

export interface Unsettled {
  /** Bytes so far. */
  readonly length: number;
  readonly isSpeech: boolean;
  /** Speech, of which no text is known. */
  readonly hasSpeech: boolean;
  /** The places of requests for a final that were not answered. */
  readonly owed: readonly number[];
  push(item: SpokenItem): void;
  /** The text up to this place is known. */
  settle(to: number): void;
  /** The oldest request is answered, and the text up to it is known. */
  answer(): void;
  /** What another ear must be given, and the place where it begins. */
  replay(): { readonly from: number; readonly items: readonly SpokenItem[] };
}

export function createUnsettled(): Unsettled {
  const detector = createSpeechDetector({ stopMs });
  /** Pieces, the first of which may begin before `from`. */
  let kept: { readonly at: number; readonly audio: Uint8Array }[] = [];
  let [length, from, spokenTo, isSpeech] = [0, 0, 0, false];
  let owed: number[] = [];

  function forget(to: number): void {
    from = Math.max(from, Math.min(to, length));
    kept = kept.slice(
      Math.max(
        0,
        kept.findIndex(({ at, audio }) => at + audio.length > from),
      ),
    );
    if (from === length) kept = [];
  }
  return {
    get length() {
      return length;
    },
    get isSpeech() {
      return isSpeech;
    },
    get hasSpeech() {
      return spokenTo - from > (stopMs * rateHz) / 1_000;
    },
    get owed() {
      return owed;
    },
    push(item) {
      if ('finalize' in item) {
        owed.push(length);
        return;
      }
      kept.push({ at: length, audio: item });
      for (let at = 0; at < item.length; at += frameBytes) {
        const edge = detector.push(decode('PCMU', item.subarray(at, at + frameBytes)));
        if (edge !== null) isSpeech = edge === 'started';
        if (isSpeech) spokenTo = length + Math.min(item.length, at + frameBytes);
      }
      length += item.length;
      forget(length - mostBytes);
      if (!isSpeech && spokenTo <= from && owed.length === 0) forget(length - leadBytes);
    },
    settle: forget,
    answer() {
      const [first, ...others] = owed;
      if (first === undefined) return;
      forget(first);
      owed = others;
    },
    replay() {
      const items: SpokenItem[] = [];
      let requests = owed.filter((at) => at > from);
      // Requests before the audio that is left have nothing to wait for.
      for (const _ of owed.filter((at) => at <= from)) items.push({ finalize: true });
      for (const { at, audio } of kept) {
        let rest = Math.max(0, from - at);
        for (const request of requests.filter((place) => place <= at + audio.length)) {
          if (request - at > rest) items.push(audio.subarray(rest, request - at));
          items.push({ finalize: true });
          rest = request - at;
        }
        requests = requests.filter((place) => place > at + audio.length);
        if (rest < audio.length) items.push(audio.subarray(rest));
      }
      return { from, items };
    },
  };
}

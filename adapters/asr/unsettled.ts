/** Keeps the audio of a talk without a known final text, for the ear that takes over. Positions are bytes from the beginning. */
import { decode, rateHz } from '../../media/audio/g711.ts';
import { createSpeechDetector } from '../../media/audio/speech.ts';
import type { SpokenItem } from './port.ts';

/** A minute. Older audio is discarded. */
const mostBytes = 60 * rateHz;
/** Silence kept before speech. */
const leadBytes = rateHz;
/** How long speech extends beyond its detected end. */
const stopMs = 300;
const frameBytes = rateHz / 50;

export interface Unsettled {
  /** Bytes so far. */
  readonly length: number;
  readonly isSpeech: boolean;
  /** Whether there is speech without a known text. */
  readonly hasSpeech: boolean;
  /** Positions of pending requests for a final. */
  readonly owed: readonly number[];
  push(item: SpokenItem): void;
  /** Notes that the text up to this position is known. */
  settle(to: number): void;
  /** Notes that the oldest request has been answered and the text up to it is known. */
  answer(): void;
  /** The items for another ear, and the position where they begin. */
  replay(): { readonly from: number; readonly items: readonly SpokenItem[] };
}

export function createUnsettled(): Unsettled {
  const detector = createSpeechDetector({ stopMs });
  /** Kept audio; the first piece may begin before `from`. */
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
      // Requests before the remaining audio have nothing to wait for.
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

/** Finds speech in what comes from a phone, and cuts it into numbered segments. */

import { decode } from '../../../media/audio/g711.ts';
import { createSpeechDetector, levelDb } from '../../../media/audio/speech.ts';

export interface HearingParts {
  /** Unix ms. */
  readonly now: () => number;
  /** Sound below this level, dB of full scale, counts as silence: it may be the echo of the agent. */
  readonly echoDb: () => number;
  /** A segment begins; its audio follows, from a little before it. */
  readonly started: (segment: number, at: number) => void;
  readonly audio: (pcmu: Uint8Array) => void;
  /** @param at the last sound */
  readonly stopped: (segment: number, at: number) => void;
}
export interface Hearing {
  /** G.711 μ-law, 8 kHz, as it comes. */
  frame(pcmu: Uint8Array): void;
  /** A phone that is silent may send nothing; call it every `tickMs`. */
  tick(): void;
  /** Forgets a segment that has begun; it does not stop. */
  reset(): void;
}
export const tickMs = 100;
const bytesPerMs = 8;
const frameBytes = 20 * bytesPerMs;
/** Speech counts after so long, and has ended after such a silence. */
const [startMs, stopMs] = [60, 200];
/** Audio before the detected begin, so that no first sound is lost. */
const leadMs = 300;
/** After so long without a frame the phone is silent. */
const gapMs = 120;
const silence = new Uint8Array(frameBytes).fill(0xff);

export function createHearing({ now, echoDb, started, audio, stopped }: HearingParts): Hearing {
  let detector = createSpeechDetector({ startMs, stopMs });
  let segment = -1;
  let isSpeech = false;
  let lead: Uint8Array[] = [];
  let heardAt = now();
  let tickedAt = now();

  function push(pcmu: Uint8Array): void {
    const samples = decode('PCMU', pcmu);
    const edge = detector.push(levelDb(samples) < echoDb() ? new Int16Array(samples.length) : samples);
    if (isSpeech) audio(pcmu);
    else {
      lead.push(pcmu);
      while (lead.length > leadMs / 20) lead.shift();
    }
    if (edge === 'started') {
      isSpeech = true;
      segment += 1;
      started(segment, now() - startMs);
      for (const part of lead) audio(part);
      lead = [];
    } else if (edge === 'stopped') {
      isSpeech = false;
      stopped(segment, now() - stopMs);
    }
  }
  return {
    frame(pcmu) {
      heardAt = now();
      for (let at = 0; at < pcmu.length; at += frameBytes) push(pcmu.subarray(at, at + frameBytes));
    },
    tick() {
      const sinceTick = now() - tickedAt;
      tickedAt = now();
      // A process that was held up has frames waiting: they are no silence.
      if (sinceTick > 2 * tickMs) return;
      for (const until = now() - gapMs; heardAt < until; heardAt += 20) push(silence);
    },
    reset() {
      detector = createSpeechDetector({ startMs, stopMs });
      if (isSpeech) segment += 1;
      isSpeech = false;
      lead = [];
    },
  };
}

/** Finds speech in what comes from a phone, and cuts it into numbered segments. */

import { decode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import type { VoiceActivity, VoiceActivityOptions } from '../../../media/audio/voice-activity.ts';

export interface HearingParts {
  readonly detector: (options: VoiceActivityOptions) => VoiceActivity;
  /** Unix ms. */
  readonly now: () => number;
  /** Sound below this level, dB of full scale, counts as silence: it may be the echo of the agent. @param heardDb what is heard now */
  readonly echoDb: (heardDb: number) => number;
  /** Something sounds like speech; it may turn out in `startMs` that it is. */
  readonly stirred: () => void;
  /** A segment begins; its audio follows, from a little before it. */
  readonly started: (segment: number, at: number) => void;
  readonly audio: (pcmu: Uint8Array) => void;
  /** @param at where the detector has the end of the speech @param soundAt its last sound, by the time at which it was spoken */
  readonly stopped: (segment: number, at: number, soundAt: number) => void;
}
export interface Hearing {
  /** G.711 μ-law, 8 kHz, as it comes. */
  frame(pcmu: Uint8Array): void;
  /** What comes from now on was spoken so long before its frames, ms. */
  delayed(ms: number): void;
  /** A phone that is silent may send nothing; call it every `tickMs`. */
  tick(): void;
  /** How loud the speech of the last segment is, dB of full scale; null before the first. */
  readonly speechDb: number | null;
  /** Forgets a segment that has begun; it does not stop. */
  reset(): void;
  close(): void;
}
export const tickMs = 100;
const bytesPerMs = 8;
const frameMs = 20;
const frameBytes = frameMs * bytesPerMs;
/** Speech counts after so long, and has ended after such a silence. */
export const startMs = 60;
const stopMs = 200;
/** After so long a segment is cut: what hears it has bounds, and words are wanted before the end. */
const longestMs = 30_000;
/** How fast the lateness of frames may grow, ms a frame: what a busy process holds up for a moment is not late by its way. */
const creepMs = 0.5;
/** Audio before the detected begin, so that no first sound is lost. */
export const leadMs = 300;
/** After so long without a frame the phone is silent. */
export const gapMs = 120;
/** The last sound is the last one that is not so far below the loudest, nor silence, dB. */
const [fadedDb, silenceDb] = [32, -50];
/** Sound is looked for in parts of so many ms. */
const partMs = 5;
/** A frame with so small a share of the usual energy is a pause. */
const pauseShare = 0.05;
const silence = new Uint8Array(frameBytes).fill(0xff);

export function createHearing({ detector: create, now, echoDb, stirred, started, audio, stopped }: HearingParts): Hearing {
  let detector = create({ startMs, stopMs });
  let segment = -1;
  let isSpeech = false;
  let lead: Uint8Array[] = [];
  /** Of the segment: its energy and its frames that are no pause. */
  let [energy, frames] = [0, 0];
  let begunAt = 0;
  /** The loudest part of the segment, dB, and the end of the last one that is not far below it. */
  let [loudestDb, soundAt] = [-96, 0];
  let delayMs = 0;
  /** How much audio has come, and when its begin came, or would have, had nothing held it up. */
  let [positionMs, originAt] = [0, Number.POSITIVE_INFINITY];
  let heardAt = now();
  let tickedAt = now();

  function push(pcmu: Uint8Array): void {
    const samples = decode('PCMU', pcmu);
    originAt = Math.min(originAt + creepMs, now() - positionMs);
    positionMs += frameMs;
    const db = levelDb(samples);
    const edge = detector.push(samples, db < echoDb(db));
    if (edge === null && detector.stirs) stirred();
    if (isSpeech) {
      audio(pcmu);
      weigh(db);
      listen(samples);
    } else {
      lead.push(pcmu);
      while (lead.length > leadMs / 20) lead.shift();
    }
    if (isSpeech && edge === null && now() - begunAt >= longestMs) {
      stopped(segment, now(), now());
      begin(now());
    }
    if (edge === 'started') {
      isSpeech = true;
      begin(now() - startMs);
      weigh(db);
      listen(samples);
      for (const part of lead) audio(part);
      lead = [];
    } else if (edge === 'stopped') {
      isSpeech = false;
      stopped(segment, now() - stopMs, Math.min(soundAt, spokenAt() - stopMs));
    }
  }
  function begin(at: number): void {
    segment += 1;
    begunAt = at;
    [energy, frames] = [0, 0];
    [loudestDb, soundAt] = [-96, at];
    started(segment, at);
  }
  /** When the end of the last frame was spoken, Unix ms. */
  const spokenAt = (): number => originAt + positionMs - delayMs;
  /** A frame begins when it would have come if nothing had held it up, and was spoken before it had to wait for others. */
  function listen(samples: Int16Array): void {
    const begin = spokenAt() - frameMs;
    const size = bytesPerMs * partMs;
    for (let at = 0; at < samples.length; at += size) {
      const db = levelDb(samples.subarray(at, at + size));
      loudestDb = Math.max(loudestDb, db);
      if (db >= Math.max(silenceDb, loudestDb - fadedDb)) soundAt = begin + at / bytesPerMs + partMs;
    }
  }
  /** Frames far below the loudest are pauses. */
  function weigh(db: number): void {
    const power = 10 ** (db / 10);
    if (frames > 0 && power < (energy / frames) * pauseShare) return;
    energy += power;
    frames += 1;
  }
  return {
    get speechDb() {
      return frames === 0 ? null : 10 * Math.log10(energy / frames);
    },
    frame(pcmu) {
      heardAt = now();
      for (let at = 0; at < pcmu.length; at += frameBytes) push(pcmu.subarray(at, at + frameBytes));
    },
    delayed(ms) {
      delayMs = ms;
    },
    tick() {
      const sinceTick = now() - tickedAt;
      tickedAt = now();
      // A process that was held up has frames waiting: they are no silence.
      if (sinceTick > 2 * tickMs) return;
      for (const until = now() - gapMs; heardAt < until; heardAt += 20) push(silence);
    },
    reset() {
      originAt = Number.POSITIVE_INFINITY;
      detector.close();
      detector = create({ startMs, stopMs });
      if (isSpeech) segment += 1;
      isSpeech = false;
      lead = [];
    },
    close: () => detector.close(),
  };
}

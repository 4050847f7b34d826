/** Finds speech in the audio of a phone, and cuts it into numbered segments. */

import { decode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import type { VoiceActivity, VoiceActivityOptions } from '../../../media/audio/voice-activity.ts';

export interface HearingParts {
  readonly detector: (options: VoiceActivityOptions) => VoiceActivity;
  /** Unix ms. */
  readonly now: () => number;
  /**
   * Sound below this level, dB of full scale, counts as silence: it may be the echo of the agent. @param heardDb the current level of the
   * line
   */
  readonly echoDb: (heardDb: number) => number;
  /** Something sounds like speech; whether it is shows within `startMs`. */
  readonly stirred: () => void;
  /** A segment begins; its audio follows, with a short lead. */
  readonly started: (segment: number, at: number) => void;
  readonly audio: (pcmu: Uint8Array, samples: Int16Array) => void;
  /** @param at the detected end of the speech @param soundAt when its last sound was spoken */
  readonly stopped: (segment: number, at: number, soundAt: number) => void;
}
export interface Hearing {
  /** Takes G.711 μ-law, 8 kHz, on arrival. */
  frame(pcmu: Uint8Array): void;
  /** Sets how long before the arrival of its frames audio is spoken, ms. */
  delayed(ms: number): void;
  /** Call it every `tickMs`, because a silent phone may send nothing. */
  tick(): void;
  /** Level of speech in the last segment, dB of full scale; null before the first. */
  readonly speechDb: number | null;
  /** Forgets the current segment without reporting its end. */
  reset(): void;
  close(): void;
}
export const tickMs = 100;
const bytesPerMs = 8;
const frameMs = 20;
const frameBytes = frameMs * bytesPerMs;
/** Minimum duration of speech, and silence that ends it. */
export const startMs = 60;
const stopMs = 200;
/** A longer segment is cut: recognisers have limits, and words are needed before its end. */
const longestMs = 30_000;
/** How fast the assumed delay of frames may grow, ms per frame: a delay in a busy process is not one of the network. */
const creepMs = 0.5;
/** Audio before the detected beginning, so that no first sound is lost. */
export const leadMs = 300;
/** A phone without frames for this long is silent. */
export const gapMs = 120;
/** The last sound must be within this distance of the loudest, and above silence, dB. */
const [fadedDb, silenceDb] = [32, -50];
/** Resolution of the search for the last sound, ms. */
const partMs = 5;
/** A frame below this share of the average energy is a pause. */
const pauseShare = 0.05;
const silence = new Uint8Array(frameBytes).fill(0xff);

export function createHearing({ detector: create, now, echoDb, stirred, started, audio, stopped }: HearingParts): Hearing {
  let detector = create({ startMs, stopMs });
  let segment = -1;
  let isSpeech = false;
  let lead: { readonly pcmu: Uint8Array; readonly samples: Int16Array }[] = [];
  /** Energy of the segment, and its frames other than pauses. */
  let [energy, frames] = [0, 0];
  let begunAt = 0;
  /** Level of the loudest part of the segment, dB, and the end of the last part near it. */
  let [loudestDb, soundAt] = [-96, 0];
  let delayMs = 0;
  /** Length of the received audio, and when it began to arrive, without delays in this process. */
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
      audio(pcmu, samples);
      weigh(db);
      listen(samples);
    } else {
      lead.push({ pcmu, samples });
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
      for (const part of lead) audio(part.pcmu, part.samples);
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
  /** Processes a frame at its time of arrival without delays in this process; it was spoken before that. */
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
      // After a stall of the process frames are waiting, so it is not silence.
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

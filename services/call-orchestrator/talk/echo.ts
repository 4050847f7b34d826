/** Distinguishes the echo of the agent's voice from the customer's: an echo returns within a moment, and quieter. */
import { decode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';

export interface EchoGuard {
  /** Notes audio sent to the leg, which plays after the audio sent before. */
  sent(pcmu: Uint8Array): void;
  /** Notes that unplayed audio was dropped. */
  cleared(): void;
  /**
   * Sound below this level, dB of full scale, may be an echo; −Infinity if nothing was played recently.
   * @param heardDb the current level of the line, from which the guard learns its echo loss
   */
  level(heardDb?: number): number;
}
/** Maximum delay of an echo. */
const tailMs = 400;
/** A leg plays slightly later than the clock of this process. */
const aheadMs = 60;
/** Minimum loss of an echo, dB. Networks and phones suppress louder ones. */
const leastLossDb = 9;
/** Frames of the agent's voice needed to learn the echo loss of a line, and frames remembered. */
const [fewestFrames, mostFrames] = [40, 400];
const learnEvery = 10;
/** Share of these frames that may contain the caller's own words, and the variation of the rest, dB. */
const [callerShare, spreadDb] = [0.2, 8];
/** Below this level the agent's voice is too soft to learn from. */
const softDb = -40;
const frameMs = 20;
const frameBytes = 160;

/** @param now Unix ms */
export function createEchoGuard(now: () => number): EchoGuard {
  /** Levels of frames by the time they are played, oldest first. */
  let frames: { readonly at: number; readonly db: number }[] = [];
  let until = 0;
  /** How much quieter than the agent's voice the line was, frame by frame. */
  const losses: number[] = [];
  let [lossDb, learned] = [leastLossDb, 0];
  function learn(heardLossDb: number): void {
    losses.push(heardLossDb);
    if (losses.length > mostFrames) losses.shift();
    learned += 1;
    if (losses.length < fewestFrames || learned % learnEvery !== 0) return;
    const typical = losses.toSorted((a, b) => a - b)[Math.floor(losses.length * callerShare)] as number;
    lossDb = Math.max(leastLossDb, typical - spreadDb);
  }
  return {
    sent(pcmu) {
      until = Math.max(until, now());
      for (let from = 0; from < pcmu.length; from += frameBytes) {
        frames.push({ at: until, db: levelDb(decode('PCMU', pcmu.subarray(from, from + frameBytes))) });
        until += frameMs;
      }
    },
    cleared() {
      const at = now();
      frames = frames.filter((frame) => frame.at <= at);
      until = at;
    },
    level(heardDb) {
      const at = now();
      const first = frames.findIndex((frame) => frame.at >= at - tailMs);
      frames = first < 0 ? [] : frames.slice(first);
      let loudest = Number.NEGATIVE_INFINITY;
      for (const frame of frames) {
        if (frame.at > at + aheadMs) break;
        loudest = Math.max(loudest, frame.db);
      }
      if (loudest === Number.NEGATIVE_INFINITY) return loudest;
      if (heardDb !== undefined && loudest > softDb) learn(loudest - heardDb);
      return loudest - lossDb;
    },
  };
}

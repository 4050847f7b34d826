/** Tells the echo of our own voice from the customer's: an echo comes back within a moment, and quieter than it was sent. */
import { decode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';

export interface EchoGuard {
  /** Audio was sent to the leg, which plays it after what was sent before. */
  sent(pcmu: Uint8Array): void;
  /** What was not played is dropped. */
  cleared(): void;
  /**
   * Sound below this level, dB of full scale, may be our echo; −Infinity when nothing was played of late.
   * @param heardDb the level of what is heard now, from which the guard learns how much an echo of this line loses
   */
  level(heardDb?: number): number;
}
/** How late an echo comes. */
const tailMs = 400;
/** A leg plays a little later than the clock of this process says. */
const aheadMs = 60;
/** An echo loses at least so much on its way, dB. Networks and phones suppress what loses less. */
const leastLossDb = 9;
/** How many frames of our voice tell how much an echo of this line loses, and how many the guard remembers. */
const [fewestFrames, mostFrames] = [40, 400];
const learnEvery = 10;
/** Of these frames, a part is louder by the caller's own words, and the rest varies so much, dB. */
const [callerShare, spreadDb] = [0.2, 8];
/** Below, our voice is too soft to tell anything. */
const softDb = -40;
const frameMs = 20;
const frameBytes = 160;

/** @param now Unix ms */
export function createEchoGuard(now: () => number): EchoGuard {
  /** Levels of frames by the time at which they are played, oldest first. */
  let frames: { readonly at: number; readonly db: number }[] = [];
  let until = 0;
  /** How much quieter than our voice the line was, frame by frame. */
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

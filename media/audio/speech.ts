/** Detects where speech begins and ends by its energy above an adaptive noise floor. */
import { rateHz } from './g711.ts';

export type SpeechEdge = 'started' | 'stopped';
export interface SpeechDetector {
  /** The edge that this frame completes, or null. A frame is 10 to 60 ms. */
  push(samples: Int16Array): SpeechEdge | null;
}
export interface SpeechOptions {
  /** Minimum duration of speech, ms. */
  readonly startMs?: number;
  /** Silence after which speech has ended, ms. */
  readonly stopMs?: number;
  /** Speech without a pause for this long, ms, is noise: its level becomes the floor. */
  readonly stuckMs?: number;
}

const lowestFloorDb = -65;
const initialFloorDb = -55;
/** How far above the floor speech is, to begin and to go on. */
const [startDb, stayDb] = [10, 6];
/** How fast the floor follows a louder room, dB per second; it follows a quieter one at once. */
const riseDb = 3;

export function createSpeechDetector({ startMs = 60, stopMs = 300, stuckMs = 10_000 }: SpeechOptions = {}): SpeechDetector {
  let floorDb = initialFloorDb;
  let isSpeech = false;
  /** How long the input has contradicted the state, and how long speech has lasted without a pause. */
  let [againstMs, loudMs] = [0, 0];
  /** The quietest frame since speech began; it becomes the floor if the speech does not end. */
  let quietestDb = 0;

  return {
    push(samples) {
      const ms = (samples.length * 1_000) / rateHz;
      const db = levelDb(samples);
      if (db < floorDb) floorDb = Math.max(lowestFloorDb, db);
      else if (!isSpeech) floorDb = Math.min(db, floorDb + (riseDb * ms) / 1_000);
      const isLoud = db > floorDb + (isSpeech ? stayDb : startDb);
      againstMs = isLoud === isSpeech ? 0 : againstMs + ms;
      loudMs = isLoud ? loudMs + ms : 0;
      quietestDb = isLoud ? Math.min(quietestDb, db) : 0;
      if (!isSpeech && againstMs >= startMs) {
        isSpeech = true;
        againstMs = 0;
        return 'started';
      }
      if (isSpeech && loudMs >= stuckMs) floorDb = quietestDb;
      if (isSpeech && (againstMs >= stopMs || loudMs >= stuckMs)) {
        isSpeech = false;
        [againstMs, loudMs] = [0, 0];
        return 'stopped';
      }
      return null;
    },
  };
}

/** Level of a frame in dB below full scale; −96 for digital silence. */
export function levelDb(samples: Int16Array): number {
  let energy = 0;
  for (let nth = 0; nth < samples.length; nth += 1) energy += (samples[nth] as number) ** 2;
  return energy === 0 ? -96 : Math.max(-96, 10 * Math.log10(energy / samples.length / 32_768 ** 2));
}

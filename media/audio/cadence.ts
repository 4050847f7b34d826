/**
 * The cadence of speech before a silence: a statement falls to the bottom of the voice, an unfinished sentence stays level or rises.
 * Everything is relative to the speaker's earlier voice.
 */
import { weights } from './cadence-weights.ts';
import { createPitchTracker, type PitchFrame, pitchFrameMs } from './pitch.ts';

export interface Cadence {
  /** Adds samples at 8 kHz: a stretch of speech, with the silence after it. */
  push(samples: Int16Array): void;
  /**
   * Ends the stretch. Returns the probability that it ended a sentence, 0 to 1; null if too little voice was heard. A question may rise and
   * then counts as unfinished.
   */
  end(): number | null;
}
/** Pitch in semitones, relative to the median of the speaker except for `aboveFloor`; `voiced` is the share of voiced frames. */
export const featureNames = ['lowest', 'end', 'aboveFloor', 'lately', 'decline', 'voiced'] as const;
/** In the order of `featureNames`. */
export type Features = readonly number[];

/** How much of the end each feature covers, in frames of 10 ms; for `end`, `lately` and `decline` in voiced frames. */
const [lowestFrames, endFrames, latelyFrames, voicedFrames] = [40, 10, 50, 30];
/** Voiced frames needed to know a speaker at all, and well; kept of a speaker; and needed in a stretch. */
const [leastKnown, wellKnown, mostKnown] = [300 / pitchFrameMs, 5_000 / pitchFrameMs, 15_000 / pitchFrameMs];
const leastVoiced = 60 / pitchFrameMs;
/** Of a longer stretch only the end is kept. */
const mostFrames = 30_000 / pitchFrameMs;
/** The last sound is the last frame within this many dB of the loudest. */
const fadedDb = 30;
/** A frame this many semitones away from both neighbours is a tracking error. */
const jump = 9;
/** Features beyond this are errors. */
const widest = 24;

export function createCadence(): Cadence {
  const { push, end } = createFeatures();
  return {
    push,
    end() {
      const heard = end();
      if (heard === null) return null;
      const { features, knownShare } = heard;
      return likelihood((1 - knownShare) * weighed(features, weights.newSpeaker) + knownShare * weighed(features, weights.knownSpeaker));
    },
  };
}
export const likelihood = (odds: number): number => 1 / (1 + Math.exp(-odds));
/** Log-odds of the features. @param weights the bias first */
export const weighed = (features: Features, [bias = 0, ...of]: readonly number[]): number =>
  features.reduce((sum, value, nth) => sum + value * (of[nth] ?? 0), bias);

/** Extracts the features from which the weights are learned. @returns from `end` also how well the speaker is known, 0 to 1 */
export function createFeatures(): { push(samples: Int16Array): void; end(): { features: Features; knownShare: number } | null } {
  let tracker = createPitchTracker();
  let frames: PitchFrame[] = [];
  /** Pitch of the speaker's voice in semitones, in this stretch and before. */
  let known: readonly number[] = [];
  return {
    push(samples) {
      frames.push(...tracker.push(samples));
      if (frames.length > 2 * mostFrames) frames = frames.slice(-mostFrames);
    },
    end() {
      const pitch = semitones(untilLastSound(frames));
      const voiced = pitch.filter((each) => each !== null);
      [tracker, frames] = [createPitchTracker(), []];
      known = [...known, ...voiced].slice(-mostKnown);
      if (known.length < leastKnown || voiced.length < leastVoiced) return null;
      return { features: featuresOf(pitch, voiced, known), knownShare: Math.min(1, known.length / wellKnown) };
    },
  };
}
function featuresOf(pitch: readonly (number | null)[], voiced: readonly number[], known: readonly number[]): Features {
  const usual = quantile(known, 0.5);
  const before = pitch.slice(-lowestFrames).filter((each) => each !== null);
  const end = quantile(voiced.slice(-endFrames), 0.5);
  const lately = quantile(voiced.slice(-latelyFrames), 0.5);
  const last = pitch.slice(-voicedFrames);
  return [
    before.length === 0 ? 0 : quantile(before, 0.05) - usual,
    end - usual,
    end - quantile(known, 0.1),
    lately - usual,
    lately - quantile(voiced.slice(0, latelyFrames), 0.5),
    last.filter((each) => each !== null).length / last.length,
  ].map((value) => Math.max(-widest, Math.min(widest, value)));
}
function untilLastSound(frames: readonly PitchFrame[]): readonly PitchFrame[] {
  const loudest = frames.reduce((most, { db }) => Math.max(most, db), -96);
  return frames.slice(0, frames.findLastIndex(({ db }) => db >= loudest - fadedDb) + 1);
}
function semitones(frames: readonly PitchFrame[]): readonly (number | null)[] {
  const pitch = frames.map(({ hz }) => (hz === null ? null : 12 * Math.log2(hz / 100)));
  return pitch.map((each, nth) => {
    const isFar = (other: number | null | undefined): boolean => each === null || other == null || Math.abs(each - other) > jump;
    return isFar(pitch[nth - 1]) && isFar(pitch[nth + 1]) ? null : each;
  });
}
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/**
 * How speech sounds before a silence: a statement falls to the bottom of the voice, a sentence that goes on stays level or rises. All is
 * compared with the same speaker's voice before.
 */
import { weights } from './cadence-weights.ts';
import { createPitchTracker, type PitchFrame, pitchFrameMs } from './pitch.ts';

export interface Cadence {
  /** 8 kHz: a stretch of speech, with the silence after it. */
  push(samples: Int16Array): void;
  /**
   * Ends the stretch. How likely it is that it ended a sentence, 0 to 1; null if too little voice was heard. A question may rise, and
   * counts as unfinished.
   */
  end(): number | null;
}
/** Pitch in semitones, compared with the median of the speaker but for `aboveFloor`; `voiced` is the share of frames with a voice. */
export const featureNames = ['lowest', 'end', 'aboveFloor', 'lately', 'decline', 'voiced'] as const;
/** In the order of `featureNames`. */
export type Features = readonly number[];

/** How much of the end each feature looks at, frames of 10 ms; for `end`, `lately` and `decline` frames with a voice. */
const [lowestFrames, endFrames, latelyFrames, voicedFrames] = [40, 10, 50, 30];
/** So much voice is needed to know a speaker at all, and well; so much of it is kept, and so much is needed in a stretch. */
const [leastKnown, wellKnown, mostKnown] = [300 / pitchFrameMs, 5_000 / pitchFrameMs, 15_000 / pitchFrameMs];
const leastVoiced = 60 / pitchFrameMs;
/** The end of a longer stretch is enough. */
const mostFrames = 30_000 / pitchFrameMs;
/** The last sound is the last frame that is not so far below the loudest, dB. */
const fadedDb = 30;
/** A frame so many semitones from both neighbours is an error of the tracker. */
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
/** Logarithm of the odds. @param weights the bias first */
export const weighed = (features: Features, [bias = 0, ...of]: readonly number[]): number =>
  features.reduce((sum, value, nth) => sum + value * (of[nth] ?? 0), bias);

/** What the weights are learned from. @returns by `end`: how well the speaker is known, 0 to 1, beside the features */
export function createFeatures(): { push(samples: Int16Array): void; end(): { features: Features; knownShare: number } | null } {
  let tracker = createPitchTracker();
  let frames: PitchFrame[] = [];
  /** Semitones of the speaker's voice, in this stretch and before. */
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

/** Finds out who has answered: by the sound of the first seconds, which the first words may retract. */
import { createToneDetector, type ToneDetector } from '../../../media/audio/tone-detector.ts';
import { type AnswerVerdict, createAnswerDetector } from '../line/answering.ts';
import { type AnsweredInWords, answeredBy } from './answering-words.ts';

export interface WhoAnswered {
  /** Words of the one who has answered. */
  words(text: string): void;
  /** The audio of the one who has answered. */
  sound(samples: Int16Array): void;
}
/** Words within this time tell who has answered. */
const firstWordsMs = 20_000;
/** The beep of a mailbox; tones that a voice hums are shorter. */
const beepMs = 400;

export function watchAnswer({
  now,
  isCalled,
  answered,
  give,
}: {
  readonly now: () => number;
  /** False where this system has answered: then nothing is found out. */
  readonly isCalled: boolean;
  readonly answered: (by: AnsweredInWords | AnswerVerdict) => void;
  readonly give: (event: { readonly kind: 'answered_by'; readonly who: 'machine' | 'screening' } | { readonly kind: 'beep' }) => void;
}): WhoAnswered {
  const startedAt = now();
  let detector = isCalled ? createAnswerDetector() : undefined;
  /** The words of a mailbox were heard. */
  let beeps: ToneDetector | undefined;
  return {
    words(text) {
      const by = !isCalled || now() > startedAt + firstWordsMs ? null : answeredBy(text);
      if (by === null) return;
      detector = undefined;
      answered(by);
      if (by === 'human') return;
      give({ kind: 'answered_by', who: by });
      if (by === 'machine') beeps = createToneDetector({ minMs: beepMs });
    },
    sound(samples) {
      if ((beeps?.push(samples).length ?? 0) > 0) {
        beeps = undefined;
        give({ kind: 'beep' });
      }
      const verdict = detector?.push(samples) ?? null;
      if (verdict === null) return;
      answered(verdict);
      if (verdict === 'machine') give({ kind: 'beep' });
    },
  };
}

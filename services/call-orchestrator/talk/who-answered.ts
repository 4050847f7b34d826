/** Detects who has answered by the sound of the first seconds; the first words may overrule that verdict. */
import { createToneDetector, type ToneDetector } from '../../../media/audio/tone-detector.ts';
import { type AnswerVerdict, createAnswerDetector } from '../line/answering.ts';
import { type AnsweredInWords, answeredBy } from './answering-words.ts';

export interface WhoAnswered {
  /** Adds words of the answering side. */
  words(text: string): void;
  /** Adds audio of the answering side. */
  sound(samples: Int16Array): void;
}
/** Words within this time decide who has answered. */
const firstWordsMs = 20_000;
/** Minimum beep of a mailbox; humming is shorter. */
const beepMs = 400;

export function watchAnswer({
  now,
  isCalled,
  answered,
  give,
}: {
  readonly now: () => number;
  /** False if this system has answered: then there is no detection. */
  readonly isCalled: boolean;
  readonly answered: (by: AnsweredInWords | AnswerVerdict) => void;
  readonly give: (event: { readonly kind: 'answered_by'; readonly who: 'machine' | 'screening' } | { readonly kind: 'beep' }) => void;
}): WhoAnswered {
  const startedAt = now();
  let detector = isCalled ? createAnswerDetector() : undefined;
  /** Set once the words of a mailbox were heard. */
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

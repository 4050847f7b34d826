/**
 * Who has answered an outbound call, as far as time, energy and tones tell. A person says a word or two and waits. A mailbox beeps; what a
 * network announces begins with the tones of ITU-T E.180. A long greeting alone decides nothing: a person who screens calls speaks as long.
 */
import { rateHz } from '../../../media/audio/g711.ts';
import { createSpeechDetector } from '../../../media/audio/speech.ts';
import { createToneDetector } from '../../../media/audio/tone-detector.ts';

export type AnswerVerdict = 'human' | 'machine' | 'unknown';

/** A first utterance of at most so long, with so much silence after it, is a person's. */
const [longestHelloMs, silenceMs] = [2_500, 500];
/** The beep of a mailbox; tones that a voice hums are shorter. */
const beepMs = 400;
/** Without a verdict by then there is none. */
const patienceMs = 30_000;

export interface AnswerDetector {
  /** Takes what the phone sends, in order and without gaps. The verdict, once; null before and after it. */
  push(samples: Int16Array): AnswerVerdict | null;
}

export function createAnswerDetector(): AnswerDetector {
  const speech = createSpeechDetector({ stopMs: silenceMs });
  const tones = createToneDetector({ minMs: beepMs });
  let heardMs = 0;
  let startedAt: number | null = null;
  /** A long greeting was heard: only a beep decides. */
  let isLong = false;
  let isDecided = false;
  const decide = (verdict: AnswerVerdict): AnswerVerdict => {
    isDecided = true;
    return verdict;
  };
  return {
    push(samples) {
      if (isDecided) return null;
      heardMs += (samples.length * 1_000) / rateHz;
      if (tones.push(samples).length > 0) return decide('machine');
      const edge = speech.push(samples);
      if (edge === 'started') startedAt = heardMs;
      if (edge === 'stopped' && startedAt !== null) {
        const spokeMs = heardMs - silenceMs - startedAt;
        startedAt = null;
        if (spokeMs > longestHelloMs) isLong = true;
        else if (!isLong) return decide('human');
      }
      return heardMs >= patienceMs ? decide('unknown') : null;
    },
  };
}

/**
 * Detects who has answered an outbound call, by timing, energy and tones. A person says a word or two and waits. A mailbox beeps; a network
 * announcement begins with the tones of ITU-T E.180. A long greeting alone proves nothing: a person who screens calls speaks as long.
 */
import { rateHz } from '../../../media/audio/g711.ts';
import { createSpeechDetector } from '../../../media/audio/speech.ts';
import { createToneDetector } from '../../../media/audio/tone-detector.ts';

export type AnswerVerdict = 'human' | 'machine' | 'unknown';

/** A first utterance of at most this length, followed by this much silence, is a person's. */
const [longestHelloMs, silenceMs] = [2_500, 500];
/** Minimum beep of a mailbox; humming is shorter. */
const beepMs = 400;
/** After this time there is no verdict. */
const patienceMs = 30_000;

export interface AnswerDetector {
  /** Adds audio of the phone, in order and without gaps. Returns the verdict once; null before and after it. */
  push(samples: Int16Array): AnswerVerdict | null;
}

export function createAnswerDetector(): AnswerDetector {
  const speech = createSpeechDetector({ stopMs: silenceMs });
  const tones = createToneDetector({ minMs: beepMs });
  let heardMs = 0;
  let startedAt: number | null = null;
  /** After a long greeting only a beep decides. */
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

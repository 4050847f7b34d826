import { expect, test } from '@jest/globals';
import { seededRandom } from '../../../contracts/kit/seeded-random.ts';
import { makeTone } from '../../../media/audio/tones.ts';
import { createAnswerDetector } from './answering.ts';

type Part = { readonly speechMs: number } | { readonly quietMs: number } | { readonly hz: number; readonly ms: number };
/** Speech is noise in syllables. */
function soundOf(part: Part, random: () => number): Int16Array {
  if ('hz' in part) return makeTone({ hz: [part.hz], ms: part.ms, dbm0: -12 });
  const ms = 'speechMs' in part ? part.speechMs : part.quietMs;
  const level = (at: number) => ('quietMs' in part ? 20 : at % 2_000 < 1_600 ? 6_000 : 1_500);
  return Int16Array.from({ length: ms * 8 }, (_, at) => (random() - 0.5) * level(at));
}
/** The verdict and its time, in ms of the sound. */
function verdictOn(...parts: readonly Part[]): readonly [verdict: string | null, atMs: number] {
  const detector = createAnswerDetector();
  const random = seededRandom(7);
  let heardMs = 0;
  for (const part of parts) {
    const sound = soundOf(part, random);
    for (let at = 0; at < sound.length; at += 160) {
      heardMs += 20;
      const verdict = detector.push(sound.subarray(at, at + 160));
      if (verdict !== null) return [verdict, heardMs];
    }
  }
  return [null, heardMs];
}
const hello = [{ quietMs: 400 }, { speechMs: 700 }, { quietMs: 1_500 }];

test('a short word and silence is a person, known within a second after the word', () => {
  const [verdict, at] = verdictOn(...hello);
  expect(verdict).toBe('human');
  expect(at).toBeLessThan(2_100);
});

test('a greeting and its beep is a machine, known when the beep ends', () => {
  const [verdict, at] = verdictOn({ quietMs: 300 }, { speechMs: 5_000 }, { quietMs: 700 }, { hz: 1_000, ms: 600 }, { quietMs: 500 });
  expect(verdict).toBe('machine');
  expect(at).toBeGreaterThan(6_500);
});

test('the tones of a network announcement are a machine', () => {
  expect(verdictOn({ hz: 950, ms: 330 }, { hz: 1_400, ms: 330 }, { hz: 1_800, ms: 330 }, { quietMs: 500 })[0]).toBe('machine');
});

test('a long greeting alone decides nothing, whoever says it, nor does the short sentence after it', () => {
  expect(verdictOn({ quietMs: 300 }, { speechMs: 7_000 }, { quietMs: 4_000 })[0]).toBeNull();
  expect(verdictOn({ speechMs: 7_000 }, { quietMs: 1_000 }, { speechMs: 900 }, { quietMs: 1_000 })[0]).toBeNull();
});

test('half a minute without a verdict is unknown, once', () => {
  expect(verdictOn({ quietMs: 31_000 })).toEqual(['unknown', 30_000]);
  const detector = createAnswerDetector();
  const silent = new Int16Array(8_000);
  expect(Array.from({ length: 40 }, () => detector.push(silent)).filter((verdict) => verdict !== null)).toEqual(['unknown']);
});

import { expect, test } from '@jest/globals';
import { concat, mix, noise, voice } from '../../test/kit/voice.ts';
import { decode, encode } from './g711.ts';
import { createToneDetector, type HeardTone } from './tone-detector.ts';
import { makeTone } from './tones.ts';

const pause = (ms: number) => new Int16Array(ms * 8);
const tone = (hz: number, ms: number) => makeTone({ hz: [hz], ms, dbm0: -15 });
const heardIn = (samples: Int16Array): readonly HeardTone[] => {
  const detector = createToneDetector();
  const phoned = decode('PCMU', encode('PCMU', samples));
  return Array.from({ length: Math.ceil(phoned.length / 160) }, (_, nth) =>
    detector.push(phoned.subarray(nth * 160, nth * 160 + 160)),
  ).flat();
};

test.each([440, 1_000, 1_400, 2_600])('a mailbox beep of %i Hz is heard with its frequency and length', (hz) => {
  const [heard, ...more] = heardIn(concat(voice(2_000, 6), pause(300), tone(hz, 400), pause(200)));
  expect(more).toEqual([]);
  expect(heard).toMatchObject({ kind: 'tone' });
  expect(Math.abs((heard?.hz ?? 0) - hz)).toBeLessThan(5);
  expect(Math.abs((heard?.ms ?? 0) - 400)).toBeLessThanOrEqual(40);
});
test('a beep is heard through noise at 20 dB', () => {
  const beep = concat(pause(200), tone(1_400, 500), pause(200));
  expect(heardIn(mix(beep, noise(900, -40)))).toMatchObject([{ kind: 'tone' }]);
});
test('five minutes of voices have no beep, nor have two tones at once', () => {
  expect(heardIn(voice(300_000, 7))).toEqual([]);
  expect(heardIn(concat(makeTone({ hz: [440, 480], ms: 1_000, dbm0: -15 }), pause(100)))).toEqual([]);
});
test('the three tones of a network announcement are one SIT', () => {
  const heard = heardIn(concat(tone(950, 330), tone(1_400, 330), tone(1_800, 330), pause(200)));
  expect(heard.filter(({ kind }) => kind === 'sit')).toHaveLength(1);
  expect(heardIn(concat(tone(950, 330), tone(1_400, 330), pause(200))).some(({ kind }) => kind === 'sit')).toBe(false);
});

import { expect, test } from '@jest/globals';
import { rms } from '../../test/kit/voice.ts';
import { goertzel } from './goertzel.ts';
import { beep, holdTone, makeDtmf, makeTone, ringback } from './tones.ts';

test('a tone of 0 dBm0 is 3.14 dB below a sine of full scale, and begins and ends softly', () => {
  const tone = makeTone({ hz: [1_000], ms: 1_000, dbm0: 0 });
  expect(20 * Math.log10(rms(tone))).toBeCloseTo(-3.01 - 3.14, 1);
  expect(Math.max(...tone.subarray(0, 4).map(Math.abs), ...tone.subarray(-4).map(Math.abs))).toBeLessThan(8_000);
});
test('ringing is a second of 425 Hz in five, and the beep of the hold tone comes every five seconds', () => {
  for (const [period, ms] of [
    [ringback(), 1_000],
    [holdTone(), 150],
  ] as const) {
    expect(period).toHaveLength(40_000);
    expect(goertzel(period.subarray(0, ms * 8), 425)).toBeGreaterThan(100 * goertzel(period.subarray(0, ms * 8), 600));
    expect(rms(period.subarray(ms * 8))).toBe(0);
  }
});
test('the tone before a message is 400 ms of 1,400 Hz, and what is no key has no tone', () => {
  expect(beep()).toHaveLength(3_200);
  expect(goertzel(beep(), 1_400)).toBeGreaterThan(100 * goertzel(beep(), 1_000));
  expect([makeDtmf('E'), makeDtmf(''), makeDtmf('12')]).toEqual([null, null, null]);
});

import { expect, test } from '@jest/globals';
import { noise, rms } from '../../test/kit/voice.ts';
import { goertzel } from './goertzel.ts';
import { createResampler, resample } from './resample.ts';

const sine = (hz: number, rate: number, ms: number) =>
  Int16Array.from({ length: (rate * ms) / 1_000 }, (_, nth) => Math.round(10_000 * Math.sin((2 * Math.PI * hz * nth) / rate)));
const rates = [16_000, 22_050, 24_000, 48_000];

test.each(rates)('a tone at %i Hz keeps its pitch, its level and its length at 8 kHz, and on the way back', (rate) => {
  const low = resample(sine(1_000, rate, 1_000), rate, 8_000);
  expect(low).toHaveLength(8_000);
  const expected = sine(1_000, 8_000, 1_000);
  const off = low.subarray(100, 7_900).map((sample, nth) => sample - (expected[nth + 100] as number));
  expect(rms(off)).toBeLessThan(0.001);
  const high = resample(expected, 8_000, rate);
  expect(high).toHaveLength(rate);
  const there = sine(1_000, rate, 1_000);
  expect(rms(high.subarray(300, -300).map((sample, nth) => sample - (there[nth + 300] as number)))).toBeLessThan(0.001);
});

test.each(rates)('a tone of 6 kHz at %i Hz does not fold into the band of a phone', (rate) => {
  const low = resample(sine(6_000, rate, 500), rate, 8_000);
  expect(rms(low.subarray(200, -200))).toBeLessThan(0.0002);
});

test('blocks of any size give the signal that one block gives', () => {
  const whole = noise(500, -20);
  const resampler = createResampler(22_050, 8_000);
  const parts: number[] = [];
  for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 7) % 331)
    parts.push(...resampler.push(whole.subarray(at, at + size)));
  parts.push(...resampler.end());
  expect(parts).toEqual([...resample(whole, 22_050, 8_000)]);
});

test('rates without a simple ratio are refused', () => {
  expect(() => createResampler(8_000, 44_099)).toThrow('no conversion from 8000 to 44099 Hz');
});

test('the detector that measures the tones of these tests hears only its own frequency', () => {
  expect(goertzel(sine(1_000, 8_000, 100), 1_000) / goertzel(sine(1_000, 8_000, 100), 1_500)).toBeGreaterThan(1e4);
});

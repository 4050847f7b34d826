import { expect, test } from '@jest/globals';
import { concat, mix, noise, voice } from '../../test/kit/voice.ts';
import { decode, encode } from './g711.ts';
import { createDtmfDetector } from './goertzel.ts';
import { dtmfColumnsHz, dtmfRowsHz, keypad, makeDtmf, makeTone } from './tones.ts';

const pause = (ms: number) => new Int16Array(ms * 8);
const key = (digit: string, ms = 70) => makeDtmf(digit, ms) ?? pause(0);
const phoned = (samples: Int16Array) => decode('PCMA', encode('PCMA', samples));
const keysIn = (samples: Int16Array, size = 160) => {
  const detector = createDtmfDetector();
  let keys = '';
  for (let at = 0; at < samples.length; at += size) keys += detector.push(samples.subarray(at, at + size));
  return keys;
};
const all = keypad.join('');

test.each([80, 160, 480])('every key of 50 ms is heard once, in frames of %i samples', (size) => {
  expect(keysIn(phoned(concat(...[...all].flatMap((digit) => [key(digit, 50), pause(50)]))), size)).toBe(all);
});
test('the same key twice is two presses, and a long press is one', () => {
  expect(keysIn(concat(key('5'), pause(50), key('5'), pause(50), key('5', 3_000)))).toBe('555');
});
test('keys are heard through noise at 15 dB, and a tone of 20 ms is no key', () => {
  const keys = concat(...[...all].flatMap((digit) => [key(digit, 80), pause(60)]));
  expect(keysIn(mix(keys, noise(keys.length / 8, -31)))).toBe(all);
  expect(keysIn(concat(pause(30), key('5', 20), pause(30)))).toBe('');
});

const pair = (rowDb: number, columnDb: number) =>
  mix(makeTone({ hz: [dtmfRowsHz[1]], ms: 80, dbm0: rowDb }), makeTone({ hz: [dtmfColumnsHz[1]], ms: 80, dbm0: columnDb }));
test('a high tone may be 3 dB stronger and 6 dB weaker; with 7 and 12 dB it is no key', () => {
  expect([pair(-12, -9), pair(-9, -15), pair(-15, -8), pair(-9, -21)].map((samples) => keysIn(samples))).toEqual(['5', '5', '', '']);
});
test('five minutes of voices press no key', () => {
  expect(keysIn(phoned(voice(300_000, 5)))).toBe('');
});
test('one tone, and two tones with a third, are no key', () => {
  const tone = (hz: number[]) => makeTone({ hz, ms: 200, dbm0: -12 });
  expect([tone([770]), tone([1_336]), tone([770, 1_336, 2_000]), tone([770, 852, 1_336])].map((samples) => keysIn(samples))).toEqual([
    '',
    '',
    '',
    '',
  ]);
});

import { expect, test } from '@jest/globals';
import { decode, encode } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { fakeHeard, fakeSpeechOf } from './fake-speech.ts';

const text = 'съешь ещё этих мягких французских булок да выпей чаю 89991234567';
const textOf = (pcmu: Uint8Array) =>
  fakeHeard(pcmu)
    .map((word) => word.text)
    .join(' ');

test('the speech of fakes is read back letter by letter, also after a change of its rate', () => {
  expect(textOf(fakeSpeechOf(text))).toBe(text);
  const wide = resample(decode('PCMU', fakeSpeechOf(text)), 8_000, 24_000);
  expect(textOf(encode('PCMU', resample(wide, 24_000, 8_000)))).toBe(text);
});

test('a word that is cut is another word', () => {
  const spoken = fakeSpeechOf('запись');
  expect(textOf(spoken.subarray(160))).toBe('апись');
  expect(fakeHeard(Buffer.concat([new Uint8Array(800).fill(0xff), spoken]))).toEqual([
    { text: 'запись', startMs: 100, endMs: 220, confidence: 0.9 },
  ]);
});

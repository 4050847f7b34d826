import { expect, test } from '@jest/globals';
import { bytesOf, createSampleReader, samplesOf } from './pcm.ts';

const samples = Int16Array.of(1, -2, 300, -32_768, 32_767);
const bytes = new Uint8Array(samples.buffer);

test('samples are read at an odd address, without the half of a last one', () => {
  const shifted = new Uint8Array([9, ...bytes, 7]).subarray(1);
  expect(samplesOf(shifted)).toEqual(samples);
});

test.each([1, 2, 3, 5, 64])('samples in chunks of %d bytes are those of the whole', (size) => {
  const read = createSampleReader();
  const got: number[] = [];
  for (let at = 0; at < bytes.length; at += size) got.push(...read(bytes.subarray(at, at + size)));
  expect(got).toEqual([...samples]);
});

test('the bytes of a part of samples are those of that part', () => {
  expect(samplesOf(bytesOf(samples.subarray(1, 3)))).toEqual(samples.subarray(1, 3));
});

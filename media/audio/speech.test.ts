import { expect, test } from '@jest/globals';
import { concat, mix, noise, voice } from '../../test/kit/voice.ts';
import { createSpeechDetector, type SpeechOptions } from './speech.ts';

const edgesIn = (samples: Int16Array, options?: SpeechOptions) => {
  const detector = createSpeechDetector(options);
  return Array.from({ length: samples.length / 160 }, (_, nth) => ({
    atMs: nth * 20,
    edge: detector.push(samples.subarray(nth * 160, nth * 160 + 160)),
  }))
    .filter(({ edge }) => edge !== null)
    .map(({ atMs, edge }) => [edge, atMs] as const);
};
const silent = (ms: number) => new Int16Array(ms * 8);

test.each([
  ['silence', silent(1)],
  ['a room at −45 dB', noise(6_000, -45)],
])('speech in %s begins within 100 ms and ends 300 ms after its last sound', (_, room) => {
  const edges = edgesIn(mix(concat(silent(2_000), voice(1_500, 8, false), silent(2_500)), room));
  expect(edges.map(([edge]) => edge)).toEqual(['started', 'stopped']);
  const [[, began], [, ended]] = edges as [readonly [string, number], readonly [string, number]];
  expect(began - 2_000).toBeLessThanOrEqual(100);
  expect(ended - 3_500).toBeGreaterThanOrEqual(200);
  expect(ended - 3_500).toBeLessThanOrEqual(400);
});
test('a click is no speech', () => {
  expect(edgesIn(concat(silent(1_000), noise(20, -10), silent(1_000)))).toEqual([]);
});
test('a noise that begins and stays is speech for ten seconds at most, and a voice above it is heard', () => {
  const fan = concat(silent(1_000), noise(30_000, -35));
  const edges = edgesIn(mix(fan, concat(silent(20_000), voice(1_000, 9, false), silent(2_000))));
  expect(edges.map(([edge]) => edge)).toEqual(['started', 'stopped', 'started', 'stopped']);
  expect(edges[1]?.[1]).toBeLessThanOrEqual(11_100);
  expect(edges[2]?.[1]).toBeGreaterThanOrEqual(20_000);
});

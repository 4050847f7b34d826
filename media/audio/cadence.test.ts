import { expect, test } from '@jest/globals';
import { createCadence } from './cadence.ts';
import { createPitchTracker } from './pitch.ts';

/** A voice of harmonics above 300 Hz, as a phone lets them through, in syllables of 150 ms. @param hz of the voice, by the share of the time */
function voice(ms: number, hz: (share: number) => number): Int16Array {
  let phase = 0;
  return Int16Array.from({ length: ms * 8 }, (_, at) => {
    const now = hz(at / (ms * 8));
    phase += (2 * Math.PI * now) / 8_000;
    const sound = [3, 4, 5, 6, 8, 10, 12].reduce((sum, nth) => sum + Math.sin(nth * phase) / nth, 0);
    return sound * (at % 1_600 < 1_200 ? 8_000 : 80);
  });
}
const silence = new Int16Array(1_600);
const melody = (share: number): number => 120 + 20 * Math.sin(share * 12);
function likelihoodOf(sound: Int16Array, before: readonly Int16Array[] = []): number | null {
  const cadence = createCadence();
  for (const each of before) {
    cadence.push(each);
    cadence.end();
  }
  for (const part of [sound, silence]) for (let at = 0; at < part.length; at += 160) cadence.push(part.subarray(at, at + 160));
  return cadence.end();
}

test.each([90, 150, 250, 300])('the pitch of a voice without its fundamental is found: %d Hz', (hz) => {
  const frames = createPitchTracker().push(voice(140, () => hz));
  const found = frames.flatMap((frame) => frame.hz ?? []);
  expect(found.length).toBeGreaterThan(5);
  for (const each of found) expect(Math.abs(each / hz - 1)).toBeLessThan(0.03);
});

test('noise and silence have no pitch', () => {
  let seed = 1;
  const noise = Int16Array.from({ length: 8_000 }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return (seed / 2_147_483_647 - 0.5) * 8_000;
  });
  const frames = createPitchTracker().push(noise);
  expect(frames.filter(({ hz }) => hz !== null).length / frames.length).toBeLessThan(0.1);
  expect(
    createPitchTracker()
      .push(silence)
      .every(({ hz }) => hz === null),
  ).toBe(true);
});

test.each<readonly [whose: string, before: readonly Int16Array[]]>([
  ['a voice that is heard for the first time', []],
  ['a voice that is known', [voice(8_000, melody)]],
])('a fall at the end sounds more like the end of a sentence than a rise, of %s', (_, before) => {
  const to = (end: number) => voice(2_500, (share) => (share < 0.8 ? melody(share) : 120 + (end - 120) * ((share - 0.8) / 0.2)));
  const [fallen, level, risen] = [80, 120, 160].map((end) => likelihoodOf(to(end), before) as number) as [number, number, number];
  expect(fallen).toBeGreaterThan(level);
  expect(level).toBeGreaterThan(risen);
  expect(fallen - risen).toBeGreaterThan(0.3);
});

test('a sound without enough voice yields no verdict', () => {
  expect(likelihoodOf(voice(100, melody))).toBeNull();
  expect(likelihoodOf(silence)).toBeNull();
});

test('a level voice gives the same verdict loud or quiet', () => {
  const sound = voice(2_500, melody);
  const loud = likelihoodOf(sound) as number;
  const quiet = likelihoodOf(sound.map((sample) => sample / 8)) as number;
  expect(Math.abs(loud - quiet)).toBeLessThan(0.05);
});

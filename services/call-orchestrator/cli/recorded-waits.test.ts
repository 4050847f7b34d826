import { expect, test } from '@jest/globals';
import { makeTone } from '../../../media/audio/tones.ts';
import { wavFile } from '../../../media/audio/wav.ts';
import { recordedWaits, soundsOf } from './recorded-waits.ts';

const rateHz = 8_000;
/** Both sides with tones between the given times, in ms. */
function recordingOf(seconds: number, ...sides: readonly (readonly (readonly [fromMs: number, toMs: number])[])[]): Uint8Array {
  const samples = new Int16Array(seconds * rateHz * 2);
  for (const [side, sounds] of sides.entries())
    for (const [fromMs, toMs] of sounds)
      for (const [nth, sample] of makeTone({ hz: [440], ms: toMs - fromMs, dbm0: -12 }).entries())
        samples[(fromMs * 8 + nth) * 2 + side] = sample;
  return wavFile({ rateHz, channels: 2 }, samples);
}

test('an answer was waited for from the last sound of the customer to the first of the system', () => {
  const wav = recordingOf(
    10,
    [
      [2_000, 3_000],
      [3_150, 3_400],
      [6_000, 6_500],
    ],
    [
      [500, 1_500],
      [4_000, 5_000],
      [7_200, 8_000],
    ],
  );
  const begin = 1_700_000_000_000;
  const answers = [
    { lastSoundAt: begin + 3_410, heardAt: begin + 4_020 },
    { lastSoundAt: begin + 6_490, heardAt: begin + 7_190 },
  ];
  expect(recordedWaits(wav, answers, begin + 500)).toEqual([600, 700]);
});

test('a turn that the recording does not have has no wait', () => {
  const wav = recordingOf(10, [[2_000, 3_000]], [[500, 1_500]]);
  expect(recordedWaits(wav, [{ lastSoundAt: 3_000, heardAt: 6_000 }], 500)).toEqual([null]);
  expect(recordedWaits(recordingOf(3, [], []), [{ lastSoundAt: 3_000, heardAt: 6_000 }], 500)).toEqual([null]);
});

test('a click is no sound, and a short pause is part of one', () => {
  const samples = new Int16Array(rateHz);
  samples.set(makeTone({ hz: [440], ms: 20, dbm0: -12 }), 0);
  samples.set(makeTone({ hz: [440], ms: 100, dbm0: -12 }), 400 * 8);
  samples.set(makeTone({ hz: [440], ms: 100, dbm0: -12 }), 600 * 8);
  expect(soundsOf(samples, rateHz)).toEqual([{ startMs: 400, endMs: 700 }]);
});

import { expect, test } from '@jest/globals';
import { likeness, rms, voice } from '../../test/kit/voice.ts';
import { createConcealer } from './conceal.ts';
import { makeTone } from './tones.ts';

test('a lost frame continues the pitch that was heard', () => {
  const tone = makeTone({ hz: [170], ms: 400, dbm0: -10 });
  const concealer = createConcealer();
  concealer.heard(tone.slice(0, 1_600));
  const made = concealer.lost(160);
  expect(likeness(made, tone.subarray(1_600, 1_760))).toBeGreaterThan(0.95);
});

test('a gap fades to silence within 60 ms, whatever its frames are', () => {
  const concealer = createConcealer();
  concealer.heard(voice(500, 3, false));
  const powers = [0, 1, 2, 3, 4, 5].map(() => rms(concealer.lost(80)));
  expect(powers[0]).toBeGreaterThan(0.01);
  expect(powers[4]).toBeLessThan(0.5 * (powers[0] as number));
  expect(powers.slice(1).every((power, nth) => power <= (powers[nth] as number) * 1.5)).toBe(true);
  expect(rms(concealer.lost(160))).toBe(0);
});

test('nothing heard is concealed by silence, and audio after a gap is its own again', () => {
  const concealer = createConcealer();
  expect(rms(concealer.lost(160))).toBe(0);
  const heard = voice(20, 4, false);
  expect([...concealer.heard(heard)].slice(32)).toEqual([...heard].slice(32));
  expect(concealer.heard(heard)).toBe(heard);
});

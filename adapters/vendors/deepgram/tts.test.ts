import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { fakeHeard } from '../../asr/fake-speech.ts';
import { voiceConformance } from '../../tts/conformance.ts';
import { streamOf } from '../../tts/streamed.ts';
import { type DeepgramFake, deepgramFake, deepgramKey } from './fake.ts';
import { deepgramTtsSettings } from './settings.ts';
import { deepgramVoice } from './tts.ts';
import { auraVoices } from './voices.ts';

const settingsFor = (url: string, key = deepgramKey) => deepgramTtsSettings.parse({ DEEPGRAM_API_KEY: key, DEEPGRAM_BASE_URL: url });
const heard = (pcmu: Uint8Array) =>
  fakeHeard(pcmu)
    .map(({ text }) => text)
    .join(' ');

voiceConformance('deepgram', async () => {
  const { fake, deps, stop } = await vendorWorld(0, () => deepgramFake());
  // The fake speaks only digits and Russian letters.
  const sentences = ['Hola, привет 12 раз.', 'До 100 окон?'] as const;
  return { tts: deepgramVoice(settingsFor(fake.url), deps), language: 'es', sentences, longText: 4_500, heard, stop };
});

let it: VendorWorld<DeepgramFake>;
beforeAll(async () => {
  it = await vendorWorld(0, () => deepgramFake());
});
afterAll(() => it.stop());
const signal = AbortSignal.timeout(60_000);

test('the first sound comes while the rest is not made yet', async () => {
  const items = streamOf(deepgramVoice(settingsFor(it.fake.url), it.deps), { text: 'раз два три '.repeat(50), language: 'en-US' }, signal);
  const first = await items.next();
  it.fake.stall();
  expect(first.value).toBeInstanceOf(Uint8Array);
  const rest = items.next();
  it.fake.recover();
  expect((await rest).done).toBe(false);
  await items.return(undefined);
});

test('a wrong key is no way to speak', async () => {
  const wrong = deepgramVoice(settingsFor(it.fake.url, 'wrong'), it.deps);
  await expect(wrong.speak({ text: 'один', language: 'en' }, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
});

test('every voice of the library is known', async () => {
  const { Deepgram } = await import('@deepgram/sdk');
  const known = Object.values(Deepgram.SpeakV1Model).filter((model) => model.startsWith('aura-2-'));
  expect(auraVoices.map(({ voice }) => voice).toSorted()).toEqual(known.toSorted());
});

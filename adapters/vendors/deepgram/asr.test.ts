import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { earConformance, inFrames, itemsOf } from '../../asr/conformance.ts';
import { fakeSpeechOf } from '../../asr/fake-speech.ts';
import type { SpokenItem } from '../../asr/port.ts';
import { deepgramEar } from './asr.ts';
import { type DeepgramFake, deepgramFake, deepgramKey } from './fake.ts';
import { deepgramAsrSettings } from './settings.ts';

const options = { language: 'ru-RU', hints: ['запишите меня'] };
const said = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
const spoken = [said('запишите меня на стрижку'), said('на завтра в 10')] as const;
const settingsFor = (url: string, more: object = {}) =>
  deepgramAsrSettings.parse({ DEEPGRAM_API_KEY: deepgramKey, DEEPGRAM_BASE_URL: url, ...more });

for (const model of ['nova-3', 'flux-general-multi'])
  earConformance(`deepgram with ${model}`, async () => {
    const { fake, deps, stop } = await vendorWorld(0, () => deepgramFake());
    return { ear: deepgramEar(settingsFor(fake.url, { DEEPGRAM_ASR_MODEL: model }), { ...deps, now: Date.now }), options, spoken, stop };
  });

let it: VendorWorld<DeepgramFake>;
beforeAll(async () => {
  it = await vendorWorld(0, () => deepgramFake());
});
afterAll(() => it.stop());
const signal = AbortSignal.timeout(60_000);
const words = [{ text: 'запись', confidence: 0.9 }];

test('a connection that breaks off, and a wrong key, are unavailable', async () => {
  const wrong = deepgramEar(settingsFor(it.fake.url, { DEEPGRAM_API_KEY: 'wrong' }), it.deps);
  await expect(itemsOf(wrong.hear((async function* () {})(), options, signal))).rejects.toMatchObject({ code: 'unavailable' });
  await expect(wrong.recognize(spoken[0].audio, options, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  const ear = deepgramEar(settingsFor(it.fake.url), it.deps);
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(spoken[0].audio);
    await new Promise(() => {}); // A talk that goes on.
  };
  const heard = ear.hear(talk(), options, signal)[Symbol.asyncIterator]();
  expect((await heard.next()).value).toMatchObject({ kind: 'partial' });
  it.fake.cut();
  await expect(
    (async () => {
      while (!(await heard.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'unavailable', reason: 'ear_broke_off' });
});

test('finals have words with their times, in ms of the audio that was given', async () => {
  const silence = new Uint8Array(4_000).fill(0xff);
  const heard = await itemsOf(
    deepgramEar(settingsFor(it.fake.url), it.deps).hear(
      (async function* (): AsyncGenerator<SpokenItem> {
        yield* inFrames(silence, fakeSpeechOf('запись'));
        yield { finalize: true };
      })(),
      options,
      signal,
    ),
  );
  expect(heard.find(({ kind }) => kind === 'final')).toMatchObject({
    words: [{ ...words[0], startMs: 500, endMs: 620 }],
    startMs: 500,
    endMs: 620,
  });
});

test('the library of the vendor understands the fake that the adapter is tested with', async () => {
  const { DeepgramClient } = await import('@deepgram/sdk');
  const client = new DeepgramClient({ apiKey: deepgramKey, baseUrl: it.fake.url });
  const heard = await client.listen.v1.media.transcribeFile(Buffer.from(spoken[0].audio), {
    model: 'nova-3',
    language: 'ru',
    utterances: true,
  });
  expect(heard).toMatchObject({ results: { channels: [{ alternatives: [{ transcript: spoken[0].text }] }] } });
  const speech = await client.speak.v1.audio.generate({
    text: 'hola 5',
    model: 'aura-2-celeste-es',
    encoding: 'mulaw',
    sample_rate: 8_000,
    container: 'none',
  });
  expect((await speech.arrayBuffer()).byteLength).toBeGreaterThan(0);
});

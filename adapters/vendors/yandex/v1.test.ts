import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { earConformance } from '../../asr/conformance.ts';
import { fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import type { FakeServer } from '../../fake-server.ts';
import { voiceConformance } from '../../tts/conformance.ts';
import { yandexV1Fake, yandexV1Key } from './fake-rest.ts';
import { yandexAsrSettings, yandexTtsSettings } from './settings.ts';
import { yandexV1Ear } from './v1-asr.ts';
import { yandexV1Voice } from './v1-tts.ts';

const account = (key: string, folder?: string) => ({ YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_FOLDER_ID: folder });
const asrSettings = (url: string, key = yandexV1Key, folder?: string) =>
  yandexAsrSettings.parse({ ...account(key, folder), YANDEX_SPEECHKIT_ASR_URL: url });
const ttsSettings = (url: string, key = yandexV1Key, folder?: string) =>
  yandexTtsSettings.parse({ ...account(key, folder), YANDEX_SPEECHKIT_TTS_URL: url });
const options = { language: 'ru-RU', hints: [] };
const said = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
const textOf = (pcmu: Uint8Array) =>
  fakeHeard(pcmu)
    .map(({ text }) => text)
    .join(' ');

earConformance('yandex-v1', async () => {
  const { fake, deps, stop } = await vendorWorld(0, () => yandexV1Fake());
  return {
    ear: yandexV1Ear(asrSettings(fake.url), deps),
    options,
    spoken: [said('запишите меня на стрижку'), said('на завтра в 10')],
    stop,
  };
});
voiceConformance('yandex-v1', async () => {
  const { fake, deps, stop } = await vendorWorld(0, () => yandexV1Fake());
  return {
    tts: yandexV1Voice(ttsSettings(fake.url), deps),
    language: 'ru-RU',
    sentences: ['Добрый день, вы записаны.', 'Ждём вас 5 мая в 10.'],
    longText: 2_100,
    heard: textOf,
    stop,
  };
});

let world: VendorWorld<FakeServer>;
beforeAll(async () => {
  world = await vendorWorld(0, () => yandexV1Fake());
});
afterAll(() => world.stop());
const signal = AbortSignal.timeout(60_000);
const parameters = () => {
  const { path, query, body } = world.fake.seen.at(-1) ?? { path: '', query: '', body: '' };
  return Object.fromEntries(new URLSearchParams(path.startsWith('stt') ? query : body));
};

test('a recording of two minutes is heard in requests that the provider takes, each word once', async () => {
  const sentences = Array.from({ length: 24 }, (_, nth) => `предложение ${nth}`);
  const recording = Buffer.concat(sentences.flatMap((sentence) => [fakeSpeechOf(sentence), new Uint8Array(8 * 4_600).fill(0xff)]));
  const ear = yandexV1Ear(asrSettings(world.fake.url), world.deps);
  const before = world.fake.seen.length;
  const finals = await ear.recognize(recording, options, signal);
  expect(finals.map(({ text }) => text).join(' ')).toBe(sentences.join(' '));
  expect(world.fake.seen.length - before).toBeGreaterThan(recording.length / 8 / 30_000);
});

test('a folder goes with an IAM token, and not with an API key', async () => {
  const [folder, token] = ['b1g0000000000000000', `t1.${yandexV1Key}`];
  await yandexV1Ear(asrSettings(world.fake.url, token, folder), world.deps).probe?.(signal);
  expect(parameters()).toMatchObject({ folderId: folder, topic: 'general', lang: 'ru-RU' });
  const request = { text: 'Да.', language: 'ru-RU', voice: 'jane+good' };
  await yandexV1Voice(ttsSettings(world.fake.url, token, folder), world.deps).speak(request, signal);
  expect(parameters()).toMatchObject({ folderId: folder, voice: 'jane', emotion: 'good' });
  await yandexV1Voice(ttsSettings(world.fake.url, yandexV1Key, folder), world.deps).speak({ text: 'Да.', language: 'ru-RU' }, signal);
  expect(parameters()).toEqual({ text: 'Да.', lang: 'ru-RU', voice: 'alena', format: 'lpcm', sampleRateHertz: '8000' });
});

test('a wrong key is no failure of the provider, an overload is one', async () => {
  const wrong = yandexV1Ear(asrSettings(world.fake.url, 'wrong'), world.deps);
  await expect(wrong.probe?.(signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  const voice = yandexV1Voice(ttsSettings(world.fake.url, 'wrong'), world.deps);
  await expect(voice.speak({ text: 'один', language: 'ru-RU' }, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  const ear = yandexV1Ear(asrSettings(world.fake.url), world.deps);
  world.fake.order({ do: 'refuse', status: 429, body: { error_code: 'TOO_MANY_REQUESTS', error_message: 'quota' } });
  await expect(ear.probe?.(signal)).rejects.toMatchObject({ code: 'resource_exhausted' });
  world.fake.order({ do: 'garbage' });
  await expect(ear.probe?.(signal)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
});

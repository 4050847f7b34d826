import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fakeHeard } from '../../asr/fake-speech.ts';
import { voiceConformance } from '../../tts/conformance.ts';
import { type YandexFake, yandexFake, yandexKey } from './fake.ts';
import { yandexTtsSettings } from './settings.ts';
import { yandexVoice } from './tts.ts';

const settingsFor = (url: string, key = yandexKey) =>
  yandexTtsSettings.parse({ YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_TTS_URL: url });
const heard = (pcmu: Uint8Array) =>
  fakeHeard(pcmu)
    .map(({ text }) => text)
    .join(' ');

voiceConformance('yandex', async () => {
  const fake = await yandexFake();
  const tts = yandexVoice(settingsFor(fake.url));
  const stop = async () => {
    tts.close();
    await fake.close();
  };
  return {
    tts,
    language: 'ru-RU',
    sentences: ['Добрый день, вы записаны.', 'Ждём вас 5 мая в 10.'],
    longText: 700,
    heard,
    hasWordTimes: true,
    stop,
  };
});

let fake: YandexFake;
beforeAll(async () => {
  fake = await yandexFake();
});
afterAll(() => fake.close());
const signal = AbortSignal.timeout(60_000);

test('a role goes with its voice, and no request is longer than the provider takes', async () => {
  const tts = yandexVoice(settingsFor(fake.url));
  await tts.speak({ text: 'Здравствуйте, это проверка. '.repeat(30), language: 'ru-RU', voice: 'jane+good' }, signal);
  expect(fake.requests.length).toBeGreaterThan(3);
  expect(fake.requests.every(({ text, voice, role }) => text.length <= 250 && voice === 'jane' && role === 'good')).toBe(true);
  await tts.speak({ text: 'Да.', language: 'ru-RU' }, signal);
  expect(fake.requests.at(-1)).toEqual({ text: 'Да.', voice: 'alena', role: undefined });
  tts.close();
});

test('a wrong key is no way to speak', async () => {
  const wrong = yandexVoice(settingsFor(fake.url, 'wrong'));
  await expect(wrong.speak({ text: 'один', language: 'ru-RU' }, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  wrong.close();
});

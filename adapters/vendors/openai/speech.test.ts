import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Aimock, aimock } from '../../../test/kit/aimock.ts';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { earConformance } from '../../asr/conformance.ts';
import { fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import { createHttp } from '../../http.ts';
import { voiceConformance } from '../../tts/conformance.ts';
import { openAiEar } from './asr.ts';
import { openAiAsrSettings, openAiTtsSettings } from './audio-settings.ts';
import { openAiFake, openAiKey } from './fake-audio.ts';
import { openAiVoice } from './tts.ts';

const account = (url: string, key = openAiKey) => ({ OPENAI_API_KEY: key, OPENAI_BASE_URL: `${url}/v1` });
const said = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
const options = { language: 'ru-RU', hints: ['стрижка'] };

earConformance('openai', async () => {
  const { fake, deps, stop } = await vendorWorld(0, () => openAiFake());
  return {
    ear: openAiEar(openAiAsrSettings.parse(account(fake.url)), deps),
    options,
    spoken: [said('запишите меня на стрижку'), said('на завтра в 10')],
    stop,
  };
});
voiceConformance('openai', async () => {
  const { fake, deps, stop } = await vendorWorld(0, () => openAiFake());
  const heard = (pcmu: Uint8Array) =>
    fakeHeard(pcmu)
      .map(({ text }) => text)
      .join(' ');
  return {
    tts: openAiVoice(openAiTtsSettings.parse(account(fake.url)), deps),
    language: 'ru-RU',
    sentences: ['Добрый день.', 'Вы записаны на 10 утра.'],
    longText: 4_200,
    heard,
    stop,
  };
});

let emulator: Aimock;
let http: ReturnType<typeof createHttp>;
beforeAll(async () => {
  emulator = await aimock([
    { match: { endpoint: 'transcription' }, response: { transcription: { text: 'на завтра' } } },
    {
      match: { endpoint: 'speech' },
      response: { audio: Buffer.from(new Int16Array(24_000).fill(9_000).buffer).toString('base64'), format: 'pcm' },
    },
  ]);
  http = createHttp({ allowPrivate: [emulator.url] });
});
afterAll(async () => {
  await http.close();
  await emulator.stop();
});

test('an emulator by other hands takes the requests, too', async () => {
  const signal = AbortSignal.timeout(60_000);
  const ear = openAiEar(openAiAsrSettings.parse(account(emulator.url)), { http });
  expect((await ear.recognize(said('на завтра').audio, options, signal)).map(({ text }) => text)).toEqual(['на завтра']);
  const voice = openAiVoice(openAiTtsSettings.parse(account(emulator.url)), { httpStream: http.stream });
  expect((await voice.speak({ text: 'Раз', language: 'ru-RU' }, signal)).length).toBe(8_000);
});

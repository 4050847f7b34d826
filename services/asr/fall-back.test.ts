import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { itemsOf } from '../../adapters/asr/conformance.ts';
import { espeak, espeakSettings } from '../../adapters/tts/espeak.ts';
import { type DeepgramFake, deepgramFake, deepgramKey } from '../../adapters/vendors/deepgram/fake.ts';
import { asr } from '../../contracts/asr.ts';
import { type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let here: World;
let deepgram: DeepgramFake;
beforeAll(async () => {
  deepgram = await deepgramFake();
  here = await world();
  await here.start('asr', service, {
    ...{ ASR_KIND: 'deepgram,phrases', ASR_WATCHDOG_MS: '500' },
    ...{ DEEPGRAM_API_KEY: deepgramKey, DEEPGRAM_BASE_URL: deepgram.url, HTTP_ALLOW_PRIVATE: deepgram.url },
  });
});
afterAll(async () => {
  await here.stop();
  await deepgram.close();
});

test('the next ear of the list hears what the first one leaves unanswered, and the reply says which one heard it', async () => {
  const text = 'запишите меня на маникюр';
  const spoken = await espeak(espeakSettings.parse({})).speak({ text, language: 'ru-RU', voice: 'ru+f4' }, AbortSignal.timeout(60_000));
  deepgram.stall();
  const up = async function* () {
    for (let at = 0; at < spoken.length; at += 800) yield spoken.slice(at, at + 800);
    yield { finalize: true } as const;
  };
  const heard = await itemsOf(here.bus.open(asr.recognize_stream, {}, up()));
  expect(heard).toContainEqual({ kind: 'partial', text: '', startsOver: true });
  expect(heard.filter(({ kind }) => kind !== 'partial')).toEqual([
    expect.objectContaining({ kind: 'final', text, provider: 'phrases' }),
    { kind: 'finalized' },
  ]);
  const { ears } = await here.bus.call(asr.capabilities, {});
  expect(ears.map(({ provider }) => provider)).toEqual(['deepgram', 'phrases']);
  expect(here.logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
});

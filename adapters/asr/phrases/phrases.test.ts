import { readFile } from 'node:fs/promises';
import { afterAll, expect, test } from '@jest/globals';
import { decode, encode } from '../../../media/audio/g711.ts';
import { espeak, espeakSettings } from '../../tts/espeak.ts';
import { earConformance, itemsOf } from '../conformance.ts';
import { createEarThread } from './ear-thread.ts';
import { phrasesEar } from './phrases.ts';
import { ruPhrases } from './ru.ts';
import { readTakes } from './takes-file.ts';
import { takeVoices } from './vocabulary.ts';

const settings = espeakSettings.parse({});
const voice = espeak(settings);
const ear = phrasesEar(settings);
const signal = AbortSignal.timeout(300_000);
const russian = { language: 'ru-RU', hints: [] };
afterAll(() => ear.close?.());

/** A voice of which the ear has no takes. */
const say = (text: string, by = 'ru+f4') => voice.speak({ text, language: 'ru-RU', voice: by }, signal);
const pause = (ms: number) => new Uint8Array(8 * ms).fill(0xff);
const textsOf = async (...audio: readonly Uint8Array[]) =>
  (await ear.recognize(Buffer.concat(audio), russian, signal)).map(({ text }) => text);

earConformance('phrases', async () => ({
  ear,
  options: russian,
  spoken: [
    { audio: await say('запишите меня на стрижку'), text: 'запишите меня на стрижку' },
    { audio: await say('позовите человека'), text: 'позовите человека' },
  ],
}));

test('phrases spoken by unknown voices are recognized in noise, and other speech is not', async () => {
  let seed = 1;
  const noise = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647 - 0.5;
  };
  /** White noise 15 dB below the speech, also around it. */
  const inNoise = (audio: Uint8Array) => {
    const samples = decode('PCMU', Buffer.concat([pause(600), audio, pause(400)]));
    const rms = Math.sqrt(decode('PCMU', audio).reduce((sum, sample) => sum + sample ** 2, 0) / audio.length);
    return encode(
      'PCMU',
      samples.map((sample) => sample + noise() * Math.sqrt(12) * rms * 10 ** (-15 / 20)),
    );
  };
  for (const [text, by] of [
    ['хочу записаться на маникюр', 'ru+m7'],
    ['на пятницу', 'ru+f5'],
    ['подождите', 'ru+m1'],
  ] as const)
    expect(await textsOf(inNoise(await say(text, by)))).toEqual([text]);
  for (const text of ['у меня сломался холодильник', 'ваша карта заблокирована'])
    expect(await textsOf(inNoise(await say(text)))).toEqual([]);
});

test('phrases with short pauses between them are one utterance, and what is unknown between them is left out', async () => {
  const [hello, wish, other] = [await say('здравствуйте'), await say('запишите меня на стрижку'), await say('ваша карта заблокирована')];
  expect(await textsOf(hello, pause(350), wish)).toEqual(['здравствуйте запишите меня на стрижку']);
  expect(await textsOf(hello, pause(350), other, pause(350), wish)).toEqual(['здравствуйте запишите меня на стрижку']);
});

test('hints are heard instead of the built-in phrases, in their language', async () => {
  const hints = ['курс доллара вырос', 'ремонт квартиры'];
  const heard = async (text: string, options: { language: string; hints: string[] }, by: string) =>
    (await ear.recognize(await voice.speak({ text, language: options.language, voice: by }, signal), options, signal)).map(
      ({ text }) => text,
    );
  expect(await heard('ремонт квартиры', { language: 'ru-RU', hints }, 'ru+f4')).toEqual(['ремонт квартиры']);
  expect(await heard('позовите человека', { language: 'ru-RU', hints }, 'ru+f4')).toEqual([]);
  expect(await heard('good morning', { language: 'en-US', hints: ['good morning', 'call me back'] }, 'en-us+f4')).toEqual(['good morning']);
  await expect(ear.recognize(pause(100), { language: 'en-US', hints: [] }, signal)).rejects.toMatchObject({ reason: 'no_vocabulary' });
});

test('without a request a pause ends an utterance, and its text is guessed before', async () => {
  const audio = Buffer.concat([pause(500), await say('перенесите запись'), pause(1_000)]);
  const spoken = async function* () {
    for (let at = 0; at < audio.length; at += 160) yield audio.subarray(at, at + 160);
  };
  const heard = await itemsOf(ear.hear(spoken(), russian, signal));
  expect(heard).toEqual([
    { kind: 'partial', text: 'перенесите запись' },
    expect.objectContaining({ kind: 'final', text: 'перенесите запись', confidence: expect.any(Number) }),
  ]);
});

test('a caller who never stops is read now and then', async () => {
  const phrase = Buffer.from(await say('повторите пожалуйста'));
  const long = Buffer.concat(Array.from({ length: 12 }, () => phrase));
  const spoken = async function* () {
    for (let at = 0; at < long.length; at += 8_000) yield long.subarray(at, at + 8_000);
  };
  const finals = (await itemsOf(ear.hear(spoken(), russian, signal))).filter(({ kind }) => kind === 'final');
  expect(finals.length).toBeGreaterThanOrEqual(1);
});

test('a thread that dies fails what waits for it, and the next one hears', async () => {
  const thread = createEarThread();
  const order = { do: 'match', speech: decode('PCMU', await say('да')), phrases: ['да', 'нет'] } as const;
  const waiting = thread.order(order, signal);
  await thread.close();
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  expect(await thread.order(order, signal)).toMatchObject({ phrase: 'да' });
  await thread.close();
  const broken = createEarThread(new URL('./no-such-file.ts', import.meta.url));
  await expect(broken.order(order, signal)).rejects.toMatchObject({ code: 'unavailable' });
  await broken.close();
});

test('the takes are of the phrases in the list: `node scripts/learn-phrases.ts` after a change of it', async () => {
  const { phrases } = readTakes(await readFile(new URL('./ru.takes', import.meta.url)));
  expect([...phrases.keys()].toSorted()).toEqual([...ruPhrases].toSorted());
  expect(new Set(ruPhrases).size).toBe(ruPhrases.length);
  for (const takes of phrases.values()) expect(takes).toHaveLength(takeVoices.length);
});

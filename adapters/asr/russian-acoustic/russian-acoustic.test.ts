import { expect, test } from '@jest/globals';
import { encode } from '../../../media/audio/g711.ts';
import { makeTone } from '../../../media/audio/tones.ts';
import { espeak, espeakSettings } from '../../tts/espeak.ts';
import { earConformance } from '../conformance.ts';
import { russianAcousticEar, russianAcousticSettings } from './russian-acoustic.ts';

const voice = espeak(espeakSettings.parse({}));
const ear = russianAcousticEar(russianAcousticSettings.parse({}));
const signal = AbortSignal.timeout(300_000);
const russian = { language: 'ru-RU', hints: [] };

/** A voice that the model was not trained on. */
const say = (text: string, by = 'ru+m2') => voice.speak({ text, language: 'ru-RU', voice: by }, signal);
const heardIn = async (audio: Uint8Array) => (await ear.recognize(audio, russian, signal)).map(({ text }) => text);

earConformance('russian-acoustic', async () => ({
  ear,
  options: russian,
  spoken: [
    { audio: await say('запишите меня на стрижку'), text: 'запишите меня на стрижку' },
    { audio: await say('позовите оператора'), text: 'позовите оператора' },
  ],
}));

test('sentences that nobody listed are heard, with the times of their words', async () => {
  const [final] = await ear.recognize(await say('меня зовут ольга'), russian, signal);
  expect(final?.text).toBe('меня зовут ольга');
  expect(final?.words.map(({ text }) => text)).toEqual(['меня', 'зовут', 'ольга']);
  for (const [nth, { startMs, endMs }] of (final?.words ?? []).entries()) {
    expect(endMs).toBeGreaterThan(startMs);
    if (nth > 0) expect(startMs).toBeGreaterThanOrEqual(final?.words[nth - 1]?.endMs ?? 0);
  }
});

test('where a phone is expected, digits are heard that are refused elsewhere, and other sentences still are', async () => {
  const phone = { ...russian, expects: () => ['phone'] as const };
  const heard = [];
  for (const options of [russian, phone])
    heard.push((await ear.recognize(await say('пять восемь'), options, signal)).map(({ text }) => text).join(' '));
  expect(heard).toEqual(['', 'пять восемь']);
  expect((await ear.recognize(await say('сколько стоит стрижка'), phone, signal)).map(({ text }) => text)).toEqual([
    'сколько стоит стрижка',
  ]);
});

test('a tone is no words', async () => {
  expect(await heardIn(encode('PCMU', makeTone({ hz: [440], ms: 1_500, dbm0: -15 })))).toEqual([]);
});

test('another language is refused before anything is heard', async () => {
  await expect(ear.recognize(new Uint8Array(800), { language: 'en-US', hints: [] }, signal)).rejects.toMatchObject({
    reason: 'no_vocabulary',
  });
});

test('a program that is not there says what to install', async () => {
  const missing = russianAcousticEar(russianAcousticSettings.parse({ POCKETSPHINX_PROGRAM: '/no/pocketsphinx' }));
  await expect(missing.recognize(await say('да'), russian, signal)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/apt-get install pocketsphinx/),
  });
});

test('who leaves while the program works is not waited for', async () => {
  const leaving = new AbortController();
  const hearing = ear.recognize(await say('сколько стоит стрижка'), russian, leaving.signal);
  leaving.abort(new Error('gone'));
  await expect(hearing).rejects.toThrow('gone');
});

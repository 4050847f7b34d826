import { expect, test } from '@jest/globals';
import { decode } from '../../media/audio/g711.ts';
import { itemsOf } from '../asr/conformance.ts';
import { voiceConformance } from './conformance.ts';
import { espeak, espeakSettings } from './espeak.ts';
import type { Tts } from './port.ts';
import { remembered } from './remembered.ts';

const signal = AbortSignal.timeout(60_000);
const voice = espeak(espeakSettings.parse({}));
voiceConformance('espeak', async () => ({ tts: voice, language: 'ru-RU', sentences: ['Добрый день!', 'На какой день вас записать?'] }));
const phrase = { text: 'Здравствуйте! Вы набрали: один, пять.', language: 'ru-RU' };

test('a phrase becomes audio of a phone, as long as it takes to say it, and not silence', async () => {
  const audio = await voice.speak(phrase, signal);
  expect(audio.length).toBeGreaterThan(8_000);
  expect(audio.length).toBeLessThan(8_000 * 10);
  const loud = decode('PCMU', audio).filter((sample) => Math.abs(sample) > 1_000).length;
  expect(loud / audio.length).toBeGreaterThan(0.1);
});

test('a text is only spoken, whatever it looks like', async () => {
  expect((await voice.speak({ text: '--help -f /etc/passwd', language: 'en-US' }, signal)).length).toBeGreaterThan(4_000);
  await expect(voice.speak({ ...phrase, voice: '-f /etc/passwd' }, signal)).rejects.toMatchObject({ reason: 'no_voice' });
});

test('a voice that speaks fewer words a minute takes longer, also the bundled one', async () => {
  for (const program of ['espeak-ng', 'bundled']) {
    const settings = espeakSettings.parse({ ESPEAK_PROGRAM: program });
    const [slow, usual] = await Promise.all(
      [espeak(settings, 100), espeak(settings)].map(async (each) => (await each.speak(phrase, signal)).length),
    );
    expect((slow ?? 0) / (usual ?? 1)).toBeGreaterThan(1.2);
  }
});

test('the bundled program speaks and lists like the one of the system, which is not needed', async () => {
  const path = process.env.PATH;
  const bare = espeak(espeakSettings.parse({}));
  const text = { ...phrase, voice: 'ru+f2' };
  try {
    process.env.PATH = '';
    const audio = await bare.speak(text, signal);
    expect(audio.length).toBeGreaterThan(8_000);
    expect((await bare.voices('ru-RU', signal)).slice(0, 1)).toEqual([{ voice: 'ru', language: 'ru', gender: 'male' }]);
    expect(await bare.voices('ru-RU', signal)).toContainEqual({ voice: 'ru+f2', language: 'ru', gender: 'female' });
  } finally {
    process.env.PATH = path;
  }
  const chosen = espeak(espeakSettings.parse({ ESPEAK_PROGRAM: 'bundled' }));
  await expect(chosen.speak({ ...phrase, voice: 'xx' }, signal)).rejects.toMatchObject({ code: 'unavailable' });
});

test('a program that is not there, or does not know the voice, says what to do', async () => {
  const missing = espeak(espeakSettings.parse({ ESPEAK_PROGRAM: '/no/espeak' }));
  await expect(missing.speak(phrase, signal)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/ENOENT.*Install it/),
  });
  await expect(voice.speak({ ...phrase, voice: 'xx' }, signal)).rejects.toMatchObject({ code: 'unavailable' });
});

test('a phrase is spoken once, also for two callers at a time, and again after a failure', async () => {
  let times = 0;
  let fails = false;
  const counted: Tts = {
    async speak() {
      times += 1;
      if (fails) throw new Error('hoarse');
      return new Uint8Array(100);
    },
  };
  const tts = remembered(counted);
  await Promise.all([tts.speak(phrase, signal), tts.speak(phrase, signal)]);
  await tts.speak(phrase, signal);
  expect(times).toBe(1);
  fails = true;
  for (const _ of [1, 2]) await expect(tts.speak({ ...phrase, language: 'en-US' }, signal)).rejects.toThrow('hoarse');
  expect(times).toBe(3);
});

test('a text that is being made reaches every caller at once, is given up with its last one, and is made again', async () => {
  const made: AbortSignal[] = [];
  const pieces = [new Uint8Array([1]), { words: [{ text: 'раз', startMs: 0, endMs: 1 }] }, new Uint8Array([2])];
  const tts = remembered({
    speak: () => Promise.reject(new Error('it streams')),
    async *stream(_, given) {
      made.push(given);
      yield* pieces.slice(0, 2);
      if (made.length === 1) await new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason), { once: true }));
      yield pieces[2] as Uint8Array;
    },
  });
  const [one, other] = [tts.stream(phrase, signal), tts.stream(phrase, signal)].map((each) => each[Symbol.asyncIterator]());
  expect([await one?.next(), await other?.next(), await one?.next()].map((each) => each?.value)).toEqual([pieces[0], pieces[0], pieces[1]]);
  await one?.return?.();
  expect([made.length, made[0]?.aborted]).toEqual([1, false]);
  await other?.return?.();
  expect(made[0]?.aborted).toBe(true);
  for (const _ of [1, 2]) expect(await itemsOf(tts.stream(phrase, signal))).toEqual(pieces);
  expect(await tts.speak(phrase, signal)).toEqual(Buffer.from([1, 2]));
  expect(made).toHaveLength(2);
});

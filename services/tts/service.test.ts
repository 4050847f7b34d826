import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { tts } from '../../contracts/tts.ts';
import { decode } from '../../media/audio/g711.ts';
import { opusSamples } from '../../media/audio/opus.ts';
import { levelDb } from '../../media/audio/speech.ts';
import { readWav } from '../../media/audio/wav.ts';
import { type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let here: World;
let folder: string;
beforeAll(async () => {
  here = await world();
  folder = await mkdtemp(join(tmpdir(), 'speech-'));
  await here.start('tts', service, { TTS_CACHE_DIR: folder, TTS_CACHE_MAX_BYTES: '10000000' });
});
afterAll(async () => {
  await here.stop();
  await rm(folder, { recursive: true });
});

const text = 'Привет! Это тестовый синтез речи.';
const bytesOf = (audio: Uint8Array | object) => audio as Uint8Array;

test('a text becomes a WAV file of the requested rate, which begins with speech', async () => {
  const said = await here.bus.call(tts.synthesize, { text, rateHz: 16_000 });
  const { rateHz, samples } = readWav(bytesOf(said.audio));
  expect(said).toMatchObject({ contentType: 'audio/wav', provider: 'espeak', voice: 'ru' });
  expect(rateHz).toBe(16_000);
  expect(Math.abs(samples.length / 16 - said.durationMs)).toBeLessThanOrEqual(1);
  expect(said.durationMs).toBeGreaterThan(1_000);
  expect(levelDb(samples.subarray(0, 1_600))).toBeGreaterThan(-50);
});

test('a text becomes a voice message, and is kept in a file that a restart reads', async () => {
  const said = await here.bus.call(tts.synthesize, { text, format: 'ogg' });
  expect(said.contentType).toBe('audio/ogg; codecs=opus');
  const samples = Buffer.concat(
    [...opusSamples(bytesOf(said.audio))].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)),
  );
  expect(samples.length / 16).toBeCloseTo(said.durationMs, -2);
  expect(levelDb(new Int16Array(samples.buffer, samples.byteOffset, samples.length / 2))).toBeGreaterThan(-40);
  expect((await readdir(folder)).length).toBeGreaterThan(0);
});

test('a voice of another provider is spoken by the built-in one, and the reply says so', async () => {
  const asked = { text, format: 'pcmu' } as const;
  const [own, other, named] = [
    await here.bus.call(tts.synthesize, asked),
    await here.bus.call(tts.synthesize, { ...asked, voice: 'alena' }),
    await here.bus.call(tts.synthesize, { ...asked, voice: 'ru+f2' }),
  ];
  expect([own.voice, other.voice, named.voice]).toEqual(['ru', 'ru', 'ru+f2']);
  expect(Buffer.compare(bytesOf(own.audio), bytesOf(other.audio))).toBe(0);
  expect(Buffer.compare(bytesOf(own.audio), bytesOf(named.audio))).not.toBe(0);
});

test('a language without a voice, and a text too long for a reply, are refused with the reason', async () => {
  await expect(here.bus.call(tts.synthesize, { text, language: 'xx' })).rejects.toMatchObject({ reason: 'no_voice' });
  await expect(here.bus.call(tts.synthesize, { text: 'Запишите меня, пожалуйста. '.repeat(30) })).rejects.toMatchObject({
    reason: 'audio_too_long',
  });
});

test('texts of a stream are spoken in their order, each with its end', async () => {
  async function* texts() {
    yield { id: 'one', text: 'Добрый день.' };
    yield { id: 'two', text: 'На какой день вас записать?' };
  }
  const heard: (string | number)[] = [];
  const bytes: Record<string, Uint8Array[]> = {};
  for await (const item of here.bus.open(tts.synthesize_stream, {}, texts()))
    if ('audio' in item) {
      bytes[item.id] = [...(bytes[item.id] ?? []), item.audio];
      if (heard.at(-1) !== item.id) heard.push(item.id);
    } else heard.push(`end of ${item.id}`, item.voice, item.durationMs);
  const [one, two] = [Buffer.concat(bytes.one ?? []), Buffer.concat(bytes.two ?? [])];
  expect(heard).toEqual(['one', 'end of one', 'ru', Math.round(one.length / 8), 'two', 'end of two', 'ru', Math.round(two.length / 8)]);
  expect(levelDb(decode('PCMU', two))).toBeGreaterThan(-40);
});

test('a cancelled text is not spoken any further, and the next one is', async () => {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  async function* texts() {
    yield { id: 'long', text: 'Раз, два, три, четыре, пять, шесть, семь, восемь, девять. '.repeat(60) };
    await began;
    yield { cancel: 'long' };
    yield { id: 'next', text: 'Хорошо.' };
  }
  const ends: { id: string; durationMs: number }[] = [];
  for await (const item of here.bus.open(tts.synthesize_stream, {}, texts())) {
    begin();
    if ('end' in item) ends.push(item);
  }
  expect(ends.map(({ id }) => id)).toEqual(['long', 'next']);
  const whole = await here.bus.call(tts.synthesize, { text: 'Раз, два, три, четыре, пять, шесть, семь, восемь, девять.', format: 'pcmu' });
  expect(ends[0]?.durationMs).toBeLessThan(whole.durationMs * 59);
});

test('voices are listed by language, with the default of each', async () => {
  const { voices } = await here.bus.call(tts.list_voices, { language: 'ru-RU' });
  expect(voices[0]).toEqual({ voice: 'ru', provider: 'espeak', language: 'ru', gender: 'male', isDefault: true });
  expect(voices.filter(({ isDefault }) => isDefault)).toHaveLength(1);
  expect(voices.find(({ voice }) => voice === 'ru+f2')).toMatchObject({ gender: 'female' });
  const all = await here.bus.call(tts.list_voices, {});
  expect(all.voices.map(({ language }) => language)).toEqual(expect.arrayContaining(['ru', 'en-US', 'de']));
  expect((await here.bus.call(tts.synthesize, { text: 'Hello!', language: 'en-US' })).voice).toBe('en-us');
});

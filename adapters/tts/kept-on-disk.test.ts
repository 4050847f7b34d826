import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { keptOnDisk } from './kept-on-disk.ts';
import type { Tts } from './port.ts';
import { wholeOf } from './streamed.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));
const { signal } = new AbortController();
const words = [{ text: 'да', startMs: 0, endMs: 10 }];

/** A folder, and voices with it as processes would have them, which count what they made. */
async function keeping({ maxBytes = 1 << 20, maxAgeMs = 1_000_000 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'speech-'));
  folders.push(folder);
  const made: string[] = [];
  const warned: unknown[] = [];
  let at = 1_000_000;
  const tts: Tts = {
    speak: async () => {
      throw new Error('it is streamed');
    },
    async *stream({ text, voice }) {
      made.push(`${voice}: ${text}`);
      yield new Uint8Array(80).fill(made.length);
      if (text === 'breaks') throw new Error('hoarse');
      yield new Uint8Array(80).fill(text.length);
      yield { words };
    },
  };
  const start = (provider = 'test') =>
    keptOnDisk(tts, { folder, maxBytes, maxAgeMs, provider, now: () => at, warn: (error) => warned.push(error) });
  const say = (of: Required<Tts>, text: string, voice = 'anna') => wholeOf(of.stream({ text, language: 'ru-RU', voice }, signal));
  const pass = (ms: number): void => {
    at += ms;
  };
  return { folder, made, warned, start, say, pass, files: () => readdir(folder) };
}

test('a text is made once, with its words, also after a restart; another voice and provider make it again', async () => {
  const it = await keeping();
  const first = await it.say(it.start(), 'да');
  const again = await it.say(it.start(), 'да');
  expect(again).toEqual(first);
  expect(again.words).toEqual(words);
  expect(again.audio).toHaveLength(160);
  await it.say(it.start(), 'да', 'olga');
  await it.say(it.start('other'), 'да');
  expect(it.made).toEqual(['anna: да', 'olga: да', 'anna: да']);
  const [name = ''] = await it.files();
  expect((await stat(join(it.folder, name))).mode & 0o777).toBe(0o600);
});

test('what breaks off, or is left, is not kept', async () => {
  const it = await keeping();
  const tts = it.start();
  await expect(it.say(tts, 'breaks')).rejects.toThrow('hoarse');
  for await (const _ of tts.stream({ text: 'left', language: 'ru-RU' }, signal)) break;
  expect(await it.files()).toEqual([]);
});

test('a file that a crash left incomplete, and one of something else, are made again', async () => {
  const it = await keeping();
  const whole = await it.say(it.start(), 'да');
  const [name = ''] = await it.files();
  for (const spoil of [
    () => truncate(join(it.folder, name), 100),
    () => writeFile(join(it.folder, name), 'x'),
    () => truncate(join(it.folder, name), 0),
  ]) {
    await spoil();
    expect((await it.say(it.start(), 'да')).audio).toHaveLength(whole.audio.length);
  }
  expect(it.made).toHaveLength(4);
});

test('the folder holds no more than its size, and keeps what was used last', async () => {
  const it = await keeping({ maxBytes: 1_200 });
  const tts = it.start();
  for (let n = 1; n <= 20; n += 1) {
    it.pass(1_000);
    await it.say(tts, 'a'.repeat(n));
    if (n > 1) await it.say(tts, 'a');
  }
  const sizes = await Promise.all((await it.files()).map(async (name) => (await stat(join(it.folder, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(1_200);
  expect(it.made.filter((text) => text === 'anna: a')).toHaveLength(1);
});

test('what was not used for long, and drafts of processes that died, are removed', async () => {
  const it = await keeping({ maxAgeMs: 100_000, maxBytes: 10_000 });
  await it.say(it.start(), 'old');
  await writeFile(join(it.folder, 'x.part'), 'half');
  it.pass(Date.now());
  await it.say(it.start(), 'new');
  expect(await it.files()).toHaveLength(1);
  await it.say(it.start(), 'old');
  expect(it.made).toHaveLength(3);
});

test('a folder that cannot be written does not keep a text from being spoken', async () => {
  const it = await keeping();
  await rm(it.folder, { recursive: true });
  await writeFile(it.folder, 'a file');
  expect((await it.say(it.start(), 'да')).audio).toHaveLength(160);
  expect(it.warned.length).toBeGreaterThan(0);
});

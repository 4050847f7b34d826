import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { wavHeader } from '../../media/audio/wav.ts';
import { voiceConformance } from './conformance.ts';
import { festival, festivalSettings, speakable } from './festival.ts';

const signal = AbortSignal.timeout(120_000);
const request = (text: string) => ({ text, language: 'ru-RU' });
const folder = await mkdtemp(join(tmpdir(), 'festival-'));
afterAll(() => rm(folder, { recursive: true }));

/** A program with the input and output of `festival --pipe`, whose speech is 20 ms for each letter of the text. */
async function program(name: string, answer: string) {
  const file = join(folder, name);
  const header = Buffer.from(wavHeader({ rateHz: 16_000, channels: 1 }, null)).toString('base64');
  await writeFile(
    file,
    `#!${process.execPath}
    let started = 0;
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const text = /Text "([^"]*)"/.exec(line)?.[1];
      const say = () => process.stdout.write(Buffer.concat([Buffer.from('${header}', 'base64'), Buffer.alloc(640 * text.length, 0x22)]));
      if (text !== undefined) { ${answer} }
      else if (line.startsWith('(format')) process.stdout.write('polyb: done\\n');
    });`,
  );
  await chmod(file, 0o755);
  return festival(festivalSettings.parse({ FESTIVAL_PROGRAM: file }));
}

test('nothing of a text is a command', () => {
  expect(speakable('Привет") (system "rm -rf /") \\ {ключ} WiFi\n№')).toBe('привет систем рм -рф ключ вифи ');
});

test('parts of a long text are spoken in their order, and so are texts that come at once', async () => {
  const tts = await program('speaks', 'say();');
  const sentences = Array.from({ length: 30 }, (_, n) => `Предложение ${'а'.repeat(n + 1)}.`);
  const [long, short] = await Promise.all([tts.speak(request(sentences.join(' ')), signal), tts.speak(request('Да.'), signal)]);
  expect(short.length).toBe(3 * 160);
  expect(long.length).toBeGreaterThan(sentences.join('').length * 150);
});

test('a part without audio is silent, and the next one is spoken', async () => {
  const tts = await program('skips', `if (!text.startsWith('ъ')) say();`);
  expect(await tts.speak(request('ъъъ'), signal)).toHaveLength(0);
  expect(await tts.speak(request('да'), signal)).toHaveLength(2 * 160);
});

test('a process that ends is started again for the next text', async () => {
  const tts = await program('dies', `if (text === 'умри') process.exit(3); say();`);
  await expect(tts.speak(request('умри'), signal)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('ended with 3'),
  });
  expect(await tts.speak(request('да'), signal)).toHaveLength(2 * 160);
});

test('a program that is not there, and another language, are refused', async () => {
  const missing = festival(festivalSettings.parse({ FESTIVAL_PROGRAM: '/no/festival' }));
  await expect(missing.speak(request('да'), signal)).rejects.toMatchObject({ message: expect.stringMatching(/ENOENT.*festvox-ru/) });
  await expect(missing.speak({ text: 'yes', language: 'en-US' }, signal)).rejects.toMatchObject({ reason: 'no_voice' });
});

// The voice has 179 MB: it is tested where it is installed.
if (spawnSync('festival', ['--version']).status === 0)
  voiceConformance('festival', async () => ({
    tts: festival(festivalSettings.parse({})),
    language: 'ru-RU',
    sentences: ['Здравствуйте, чем могу помочь?', 'На какой день вас записать?'],
    longText: 200,
  }));

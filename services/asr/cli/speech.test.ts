import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectNats } from '../../../bus/transports/nats.ts';
import { readWav } from '../../../media/audio/wav.ts';
import { type RunningServer, startNats } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { runCommand } from '../../../test/kit/command-line.ts';
import { type World, world } from '../../../test/kit/world.ts';
import sayCommands from '../../tts/cli/commands.ts';
import tts from '../../tts/service.ts';
import asr from '../service.ts';
import hearCommands from './commands.ts';

let nats: RunningServer;
let here: World;
let folder: string;
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  here = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  await Promise.all([here.start('tts', tts), here.start('asr', asr)]);
  folder = await mkdtemp(join(tmpdir(), 'speech-'));
});
afterAll(async () => {
  await here?.stop();
  await nats?.stop();
  await rm(folder, { recursive: true });
});
const polyb = (...words: readonly string[]) => runCommand([...sayCommands, ...hearCommands], words, { natsUrl: nats.url });

test('a text is spoken into a file, and what it says is heard with its time', async () => {
  const file = join(folder, 'test-audio.wav');
  const said = await polyb('say', 'запишите меня на стрижку', '--voice', 'ru+f4', '-o', file);
  expect([said.status, JSON.parse(said.stdout)]).toMatchObject([0, { file, voice: 'ru+f4', provider: 'espeak' }]);
  expect(readWav(await readFile(file))).toMatchObject({ rateHz: 8_000, channels: 1 });
  const hear = async (...words: readonly string[]) => JSON.parse((await polyb('hear', file, ...words)).stdout);
  expect(await hear()).toMatchObject({ text: 'запишите меня на стрижку', finals: [{ startMs: 0, provider: 'phrases' }] });
  expect(await hear('--hint', 'позовите человека')).toMatchObject({ text: '', finals: [] });
});

test('a file with the name of a voice message is one, and is heard as such', async () => {
  const file = join(folder, 'message.ogg');
  await polyb('say', 'запишите меня на стрижку', '--voice', 'ru+f4', '-o', file);
  expect((await readFile(file)).toString('latin1', 0, 4)).toBe('OggS');
  expect(JSON.parse((await polyb('hear', file)).stdout)).toMatchObject({ text: 'запишите меня на стрижку' });
});

test('without a file samples go to stdout, and the note says which voice spoke', async () => {
  const said = await polyb('say', 'Да.', '--voice', 'alena');
  expect(said.status).toBe(0);
  expect(said.stdout.length).toBeGreaterThan(4_000);
  expect(said.stderr).toContain('ru of espeak');
});

test('a file that is no recording, or not there, is refused before anything is sent', async () => {
  const file = join(folder, 'music.wav');
  await writeFile(file, 'ID3\u0003');
  expect(await polyb('hear', file)).toMatchObject({ status: 2, stderr: expect.stringContaining('MP3') });
  expect(await polyb('hear', join(folder, 'none.wav'))).toMatchObject({ status: 2, stderr: expect.stringContaining('ENOENT') });
});

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { espeak, espeakSettings } from '../../adapters/tts/espeak.ts';
import { decode } from '../../media/audio/g711.ts';
import { opusFile } from '../../media/audio/opus.ts';
import { noise } from '../../test/kit/voice.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import asr from '../asr/service.ts';
import { type Fixture, fixture, token } from './fixture.ts';

let here: World;
let at: Fixture;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voices-'));
  here = await world();
  await here.start('asr', asr, { BLOB_DIR: folder });
  at = await fixture(here, { BLOB_DIR: folder });
});
afterAll(async () => {
  await at?.close();
  await here?.stop();
  await rm(folder, { recursive: true });
});

test('a voice message of five minutes is transcribed by the real ear and found by what was said at its end, and no copy of it stays', async () => {
  const voice = espeak(espeakSettings.parse({}));
  const say = async (text: string) =>
    decode('PCMU', await voice.speak({ text, language: 'ru-RU', voice: 'ru+f4' }, AbortSignal.timeout(60_000)));
  const recording = noise(300_000, -55);
  const put = (samples: Int16Array, second: number) => recording.set(samples, second * 8_000);
  put(await say('здравствуйте'), 2);
  put(await say('перенесите запись'), 280);
  const file = Buffer.from(opusFile(recording));
  expect(file.length).toBeGreaterThan(262_144);
  at.telegram.file('long', file);
  at.telegram.update(token, {
    message: {
      message_id: 1,
      date: 1_790_000_000,
      chat: { id: 42, type: 'private', first_name: 'Анна' },
      from: { id: 42, is_bot: false, first_name: 'Анна' },
      voice: { file_id: 'long', file_unique_id: 'long', duration: 300, mime_type: 'audio/ogg' },
    },
  });
  const found = await until(async () => (await at.messages({ q: 'перенести' }))[0] ?? null, 120_000);
  expect(found).toMatchObject({ kind: 'voice', text: 'здравствуйте перенесите запись' });
  expect((await readdir(folder, { recursive: true })).filter((name) => name.includes('voice_'))).toEqual([]);
}, 180_000);

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readWav } from '../../media/audio/wav.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';

let it: GatewayWorld;
let folder: string;
let ports: { readonly asr: number; readonly tts: number };
beforeAll(async () => {
  ports = { asr: await freePort(), tts: await freePort() };
  it = await gatewayWorld(['asr', 'tts'], { GATEWAY_PORTS: `${ports.asr}:8001,${ports.tts}:8002`, GATEWAY_PORTS_WITHOUT_KEYS: 'true' });
  folder = await mkdtemp(join(tmpdir(), 'speech-'));
});
afterAll(async () => {
  await it?.stop();
  await rm(folder, { recursive: true });
});

const run = promisify(execFile);
/** As the former programs were called, without a key, in the folder of the recording. */
const curl = async (...args: readonly string[]): Promise<Buffer> => {
  const { stdout } = await run('curl', ['-sS', ...args], { cwd: folder, encoding: 'buffer' });
  return stdout;
};
const json = async (...args: readonly string[]): Promise<Record<string, unknown>> => JSON.parse((await curl(...args)).toString());
const spoken = (text: string, fields: object = {}) =>
  json(
    ...['-X', 'POST', `http://localhost:${ports.tts}/synthesize`, '-H', 'Content-Type: application/json'],
    ...['-d', JSON.stringify({ text, ...fields })],
  );

test('the former programs of speech on their ports speak a text, and hear what was spoken', async () => {
  const said = await spoken('Привет! Это тестовый синтез речи.', { voice: 'alena' });
  expect(said).toMatchObject({ contentType: 'audio/wav', voice: 'ru', provider: 'espeak' });
  expect(readWav(Buffer.from(String(said.audio), 'base64')).samples.length / 8).toBeCloseTo(Number(said.durationMs), -1);
  const wish = await spoken('запишите меня на стрижку', { voice: 'ru+f4' });
  await writeFile(join(folder, 'test-audio.wav'), Buffer.from(String(wish.audio), 'base64'));
  const form = ['-F', 'audio=@test-audio.wav', '-F', 'language=ru-RU'];
  expect(await json('-X', 'POST', `http://localhost:${ports.asr}/recognize`, ...form)).toMatchObject({
    text: 'запишите меня на стрижку',
    provider: 'phrases',
  });
  const events = (await curl('-X', 'POST', `http://localhost:${ports.asr}/recognize/stream`, ...form)).toString();
  expect(events).toMatch(/^id: 1\nevent: item\ndata: .*"text":"запишите меня на стрижку".*\n\nevent: end/);
});

test('speech is streamed as audio, voices are listed, and each port has health and figures', async () => {
  const text = JSON.stringify({ text: 'Добрый день!' });
  const stream = ['-X', 'POST', `http://localhost:${ports.tts}/synthesize/stream`, '-H', 'Content-Type: application/json', '-d', text];
  const whole = await spoken('Добрый день!', { format: 'pcmu' });
  expect((await curl(...stream)).equals(Buffer.from(String(whole.audio), 'base64'))).toBe(true);
  expect(await json(`http://localhost:${ports.tts}/voices?language=ru-RU`)).toMatchObject({
    voices: expect.arrayContaining([expect.objectContaining({ voice: 'ru', isDefault: true })]),
  });
  for (const port of Object.values(ports))
    for (const path of ['/health', '/stats']) expect((await http(`http://localhost:${port}`)('GET', path)).status).toBe(200);
  const other = await http(`http://localhost:${ports.asr}`)('POST', '/synthesize', { text: 'x' });
  expect(other.status).toBe(404);
});

test('a form without audio, and an invalid file, are refused with the reason', async () => {
  const refused = (...form: readonly string[]) => json(`http://localhost:${ports.asr}/recognize`, ...form);
  await writeFile(join(folder, 'music.wav'), Buffer.from('ID3\u0003'));
  expect(await refused('-F', 'audio=@music.wav')).toMatchObject({ status: 400, reason: 'bad_audio' });
  expect(await refused('-F', 'language=ru-RU')).toMatchObject({ status: 400 });
});

/** Commands for those who build on it: contexts, stand-ins, events by hand. */

import { spawn } from 'node:child_process';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { fakeSpeechOf } from '../../../adapters/asr/fake-speech.ts';
import type { Ear } from '../../../adapters/asr/port.ts';
import { createHttp, type HttpClient } from '../../../adapters/http.ts';
import { deepgramEar } from '../../../adapters/vendors/deepgram/asr.ts';
import { deepgramAsrSettings } from '../../../adapters/vendors/deepgram/settings.ts';
import { yandexEar } from '../../../adapters/vendors/yandex/asr.ts';
import { yandexAsrSettings, yandexTtsSettings } from '../../../adapters/vendors/yandex/settings.ts';
import { yandexVoice } from '../../../adapters/vendors/yandex/tts.ts';
import { yandexV1Ear } from '../../../adapters/vendors/yandex/v1-asr.ts';
import { yandexV1Voice } from '../../../adapters/vendors/yandex/v1-tts.ts';
import { on, service } from '../../../bus/service.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { crm } from '../../../contracts/crm.ts';
import { commandEnv, ended } from '../../../test/kit/checkout.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import { type RunningServer, startNats } from '../../infra/start.ts';
import { temporaryDir } from '../../infra/temporary.ts';

let nats: RunningServer;
let it: World;
let home: string;
let env: Readonly<Record<string, string | undefined>>;
const led: unknown[] = [];
beforeAll(async () => {
  [nats, home] = await Promise.all([startNats({ dir: temporaryDir(), temporary: true }), mkdtemp(join(tmpdir(), 'polyb-home-'))]);
  it = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  const follower = service({ serves: {}, uses: [crm.lead_created], settings: z.object({}) }).start(async () => ({
    on: [on(crm.lead_created, async (payload) => void led.push(payload))],
  }));
  await it.start('follower', follower);
  env = { ...commandEnv(), HOME: home, XDG_CONFIG_HOME: join(home, 'config'), DATABASE_URL: it.databaseUrl, NATS_USER: 'operator' };
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
  await rm(home, { recursive: true });
});

const program = join(import.meta.dirname, '..', '..', 'polyb.js');
const start = (...words: readonly string[]) =>
  spawn(process.execPath, [program, ...words], { env: { ...env, POLYB_NATS_URL: undefined }, stdio: ['pipe', 'pipe', 'pipe'] });
function polyb(...words: readonly string[]) {
  const child = start(...words);
  child.stdin.end();
  return ended(child);
}
/** Resolves with all of stderr so far once it holds `wanted`. */
const saying = (child: ReturnType<typeof start>, wanted: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (wanted.test(said)) resolve(said);
    });
    child.once('close', () => reject(new Error(`it ended: ${said}`)));
  });

const emission = [
  'emit',
  'crm.lead_created',
  'leadId=lead_7',
  'contactId=contact_7',
  'phoneNumber=+79995553322',
  'source=phone_call',
  '--yes',
];

test('a context is a system with its credentials, in a file that only its owner reads', async () => {
  const password = join(home, 'password.txt');
  await writeFile(password, 'not-this-one\n');
  const add = await polyb('context', 'add', 'office', '--nats-url', nats.url, '--user', 'operator', '--password', `@${password}`);
  expect(add).toMatchObject({ status: 0 });
  const file = join(home, 'config', 'polyb', 'contexts.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await polyb('context', 'add', 'nowhere', '--nats-url', 'nats://127.0.0.1:1');
  const listed = await polyb('context', 'ls');
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: 'office', user: 'operator', hasPassword: true, isCurrent: false },
    { name: 'nowhere', user: null, hasPassword: false, isCurrent: false },
  ]);
  expect(listed.stdout).not.toContain('not-this-one');

  expect(await polyb('--context', 'office', 'stats')).toMatchObject({ status: 0 });
  expect(await polyb('stats', '--context', 'nowhere')).toMatchObject({ status: 6 });
  expect(await polyb('--context', 'office', 'down')).toMatchObject({ status: 2, stderr: expect.stringContaining('of this checkout') });
  expect(await polyb('context', 'use', 'nowhere')).toMatchObject({ status: 0 });
  expect(await polyb(...emission)).toMatchObject({ status: 1, stderr: expect.stringContaining('has only its bus') });
  expect(await polyb('stats')).toMatchObject({ status: 6, stderr: expect.stringContaining('127.0.0.1:1') });
  expect(await polyb('stats', '--nats-url', nats.url)).toMatchObject({ status: 0 });
  expect(await polyb('context', 'rm', 'nowhere')).toMatchObject({ status: 0 });
  expect(await polyb('stats', '--context', 'nowhere')).toMatchObject({ status: 3, stderr: expect.stringContaining('close: office') });
});

test('an event that is put into the journal by hand is handled once by its consumer', async () => {
  expect(await polyb(...emission)).toMatchObject({ status: 0, stderr: expect.stringContaining('is stored in the journal') });
  await until(() => led.length > 0);
  expect(led).toMatchObject([{ leadId: 'lead_7' }]);
});

test("emit refuses a payload that does not fit, a yes that is missing, and what is no event or the journal's own", async () => {
  const before = led.length;
  const refusals = [
    ['crm.lead_created leadId=x --yes', 2, /input does not fit|payload does not fit/],
    ['crm.lead_created leadId=lead_7 contactId=contact_7 phoneNumber=+79995553322 source=phone_call', 2, /requires --yes/],
    ['crm.lead_creatd --yes', 3, /close: crm\.lead_created/],
    ['telephony.dial_settled --yes', 1, /only the journal emits it/],
  ] as const;
  await Promise.all(
    refusals.map(async ([line, status, said]) =>
      expect(await polyb('emit', ...line.split(' '))).toMatchObject({ status, stderr: expect.stringMatching(said) }),
    ),
  );
  expect(led.length).toBe(before);
});

test('events are posted to a program as they pass, signed, and one that is not taken makes the exit 10', async () => {
  const got: { body: unknown; signature: unknown }[] = [];
  const hook = createServer(async (request, response) => {
    got.push({ body: JSON.parse(await text(request)), signature: request.headers['webhook-signature'] });
    response.writeHead(got.length === 1 ? 204 : 500).end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
  const listener = start('listen', 'crm.lead_created', '--count', '2', '--forward-to', url, '--nats-url', nats.url);
  const end = ended(listener);
  await saying(listener, /listening to/);
  for (const leadId of ['l1', 'l2']) it.bus.announce(crm.lead_created, { leadId, contactId: 'c', phoneNumber: '+79995553322' } as never);
  expect(await end).toMatchObject({ status: 10, stderr: expect.stringContaining('crm.lead_created not accepted') });
  expect(got).toMatchObject([
    { body: { type: 'crm.lead_created', data: { leadId: 'l1' } }, signature: expect.stringMatching(/^v1,/) },
    { body: { type: 'crm.lead_created', data: { leadId: 'l2' } } },
  ]);
  hook.close();
});

test('the stand-in of each vendor answers where its settings point, until it is stopped', async () => {
  const vendors = {
    espocrm: 'ESPOCRM_URL',
    amocrm: 'AMOCRM_URL',
    onec: 'ONEC_URL',
    yclients: 'YCLIENTS_URL',
    altegio: 'ALTEGIO_URL',
    bitrix24: 'BITRIX24_WEBHOOK_URL',
    easyweek: 'EASYWEEK_URL',
    telegram: 'TELEGRAM_API_ROOT',
    whatsapp: 'WHATSAPP_API_ROOT',
    telephony: 'TELEPHONY_URL',
  };
  await Promise.all(
    Object.entries(vendors).map(async ([vendor, setting]) => {
      const child = start('mock', vendor);
      const end = ended(child);
      const [, url = ''] = /listens at (\S+);/.exec(await saying(child, /listens at/)) ?? [];
      expect((await fetch(url)).status).toBeGreaterThan(0);
      child.kill('SIGINT');
      const { status, stdout } = await end;
      const { settings } = JSON.parse(stdout) as { settings: Record<string, string> };
      expect({ status, at: settings[setting]?.slice(0, url.length) }).toEqual({ status: 130, at: url });
      await expect(fetch(url)).rejects.toThrow();
    }),
  );
});

test('the fakes of speech hear what they speak with the settings that are printed, and that of Deepgram drops its connections on request', async () => {
  const signal = AbortSignal.timeout(60_000);
  const options = { language: 'ru-RU', hints: [] };
  const said = 'запишите меня на 10 утра';
  const heardBy = async (ear: Ear, pcmu: Uint8Array) => (await ear.recognize(pcmu, options, signal)).map(({ text }) => text).join(' ');
  const mocked = async (vendor: string, use: (settings: Readonly<Record<string, string>>, http: HttpClient) => Promise<void>) => {
    const child = start('mock', vendor);
    const end = ended(child);
    const printed = await new Promise<string>((resolve) => {
      let all = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        all += chunk;
        if (all.trimEnd().endsWith('}')) resolve(all);
      });
    });
    const { settings } = z.object({ settings: z.record(z.string(), z.string()) }).parse(JSON.parse(printed));
    const http = createHttp({ allowPrivate: [settings.HTTP_ALLOW_PRIVATE ?? ''] });
    await use(settings, http);
    await http.close();
    child.kill('SIGINT');
    await end;
  };
  await mocked('yandex', async (settings) => {
    const [ear, voice] = [yandexEar(yandexAsrSettings.parse(settings)), yandexVoice(yandexTtsSettings.parse(settings))];
    expect(await heardBy(ear, await voice.speak({ text: said, language: 'ru-RU' }, signal))).toBe(said);
    voice.close();
    await ear.close?.();
  });
  await mocked('yandex-v1', async (settings, http) => {
    const voice = yandexV1Voice(yandexTtsSettings.parse(settings), { httpStream: http.stream });
    const speech = await voice.speak({ text: said, language: 'ru-RU' }, signal);
    expect(await heardBy(yandexV1Ear(yandexAsrSettings.parse(settings), { http }), speech)).toBe(said);
  });
  await mocked('deepgram', async (settings, http) => {
    const ear = deepgramEar(deepgramAsrSettings.parse(settings), { http, now: Date.now });
    expect(await heardBy(ear, fakeSpeechOf(said))).toBe(said);
    const spoken = async function* () {
      yield fakeSpeechOf(said);
      await new Promise(() => {}); // A talk that goes on.
    };
    const items = ear.hear(spoken(), options, signal)[Symbol.asyncIterator]();
    while ((await items.next()).value?.kind !== 'partial');
    expect((await fetch(`${settings.DEEPGRAM_BASE_URL}/cut`, { method: 'POST' })).status).toBe(200);
    const ending = async () => {
      while (!(await items.next()).done);
    };
    await expect(ending()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('a customer of the WhatsApp fake writes to the webhook that is named, or it is said that no webhook is there', async () => {
  const child = start('mock', 'whatsapp');
  const end = ended(child);
  const [, say = ''] = /curl (\S+\/say)/.exec(await saying(child, /customer writes/)) ?? [];
  const got: string[] = [];
  const hook = createServer(async (request, response) => {
    if (request.method === 'POST') got.push(await text(request));
    response.end(new URL(request.url ?? '', 'http://hook').searchParams.get('hub.challenge') ?? '');
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
  const post = (body: object) => fetch(say, { method: 'POST', body: JSON.stringify(body) });
  expect((await post({ webhook, text: 'order 7?' })).status).toBe(200);
  await until(() => got.length > 0);
  expect(got[0]).toContain('order 7?');
  expect((await post({ text: 'twice', times: 2 })).status).toBe(200);
  await until(() => got.length === 3);
  expect(got[2]).toBe(got[1]);
  const shown = await fetch(say.replace('/say', '/screen'), { method: 'POST', body: '{}' });
  expect(await shown.json()).toEqual([]);
  expect((await post({ webhook: 'http://127.0.0.1:1/' })).status).toBe(502);
  hook.close();
  child.kill('SIGINT');
  await end;
});

test('a stand-in that is not there is refused with those that are', async () => {
  expect(await polyb('mock', 'telegrm')).toMatchObject({ status: 2, stderr: expect.stringContaining('close: telegram') });
});

test('the prompt knows the bus, the contracts and call', async () => {
  const child = start('repl', '--nats-url', nats.url);
  child.stdin.end("Object.keys(contracts).includes('crm') && typeof bus.call\nawait call('crm.no_such')\n");
  const { status, stdout, stderr } = await ended(child);
  expect(stdout).toContain("'function'");
  expect(stdout + stderr).toContain('there is no method crm.no_such');
  expect(status).toBe(0);
});

test('a result that cannot be written is a failure that says why', async () => {
  const full = await open('/dev/full', 'w');
  const child = spawn(process.execPath, [program, '-o', 'json', 'list', '--cached'], {
    env: { ...env },
    stdio: ['ignore', full.fd, 'pipe'],
  });
  const { status, stderr } = await ended(child);
  await full.close();
  expect({ status, stderr }).toEqual({ status: 7, stderr: expect.stringContaining('the disk is full') });
});

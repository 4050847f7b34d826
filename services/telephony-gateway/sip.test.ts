/** Calls over SIP, from the request to the recording, with phones made of the same user agent. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectNats } from '../../bus/transports/nats.ts';
import { calls } from '../../contracts/calls.ts';
import { telephony } from '../../contracts/telephony.ts';
import { readWav } from '../../media/audio/wav.ts';
import type { Hosted } from '../../runtime/host.ts';
import { loadServices } from '../../runtime/services.ts';
import { serviceCommands } from '../../scripts/cli/kernel/service-commands.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type RunningServer, startNats } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { runCommand } from '../../test/kit/command-line.ts';
import { type SipPhones, sipPhones } from '../../test/kit/sip-phone.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { dialogWith } from './rows.ts';

let nats: RunningServer;
let it: World;
let phones: SipPhones;
let folder: string;
let port: number;
let settings: Readonly<Record<string, string>>;
let gateway: Hosted;
async function start(name: string, changed: Readonly<Record<string, string>> = {}): Promise<Hosted> {
  const [loaded] = await loadServices([name]);
  if (loaded === undefined) throw new Error(`no service ${name}`);
  return it.start(loaded.folder, loaded.service, { ...settings, ...changed });
}
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  phones = await sipPhones();
  folder = await mkdtemp(join(tmpdir(), 'polyb-sip-'));
  port = await freePort();
  settings = {
    ...{ TELEPHONY_KIND: 'sip', SIP_TRUNK: phones.uri, SIP_PORT: String(port), SIP_CALLER_ID: '+74951234567' },
    ...{ BLOB_DIR: join(folder, 'blobs'), TELEPHONY_RECORDING_DIR: join(folder, 'recordings') },
    ...{ CALL_ROUTES: '100=script', CALL_HOURS: '00:00-24:00', TELEPHONY_UNATTENDED_MS: '60000', TELEPHONY_DRAIN_MS: '60000' },
  };
  await start('call-orchestrator');
  gateway = await start('telephony-gateway');
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
  await phones.close();
  await rm(folder, { recursive: true, force: true });
});

/** Loud μ-law: 20 ms frames of one value each. */
const loud = (ms: number): Uint8Array => new Uint8Array(ms * 8).map((_, at) => (at % 16 < 8 ? 0x10 : 0x90));
const stateOf = async (callId: string) => (await it.bus.call(calls.get_call, { callId })).state;
async function recordingOf(callId: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ; ) {
    const { body, bytes } = await it.bus.call(calls.get_recording, { callId, offset, length: 262_144 });
    parts.push(body as Uint8Array);
    offset += (body as Uint8Array).length;
    if (offset >= bytes) return Buffer.concat(parts);
  }
}
/** Mean square of one side of a stereo recording. */
function powerOf(samples: Int16Array, side: 0 | 1): number {
  let sum = 0;
  for (let at = side; at < samples.length; at += 2) sum += (samples[at] ?? 0) ** 2;
  return sum / (samples.length / 2);
}

test('a call rings a SIP phone, its states follow, and both sides are on its recording', async () => {
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_1', phoneNumber: '+79995553322' }, { key: 'k1' });
  const phone = await until(() => phones.calls[0]);
  phone.ring();
  await until(async () => (await stateOf(callId)) === 'ringing');
  phone.answer();
  await until(async () => (await stateOf(callId)) === 'answered' && phone.isConnected());
  const { legId } = await it.bus.call(calls.get_call, { callId });
  phone.speak(loud(400));
  const stop = new AbortController();
  const speaking = (async function* () {
    yield { id: 'hello', audio: loud(400) };
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  })();
  const facts: object[] = [];
  const isReported = (name: string): boolean => facts.some((fact) => name in fact);
  for await (const item of it.bus.open(telephony.media, { legId: legId as string }, speaking)) {
    if (!(item instanceof Uint8Array)) facts.push(item);
    if (isReported('played') && isReported('delayMs')) break;
  }
  stop.abort();
  await until(() => phone.heard().length >= 200 * 8);
  phone.hangUp();
  await until(async () => (await stateOf(callId)) === 'ended');
  expect(await it.bus.call(calls.get_call, { callId })).toMatchObject({ outcome: 'answered', endedBy: 'remote', hangUpCause: 'normal' });
  const wav = await until(() => recordingOf(callId).catch(() => null));
  const { samples, channels, rateHz } = readWav(wav);
  expect({ channels, rateHz }).toEqual({ channels: 2, rateHz: 8000 });
  expect(powerOf(samples, 0)).toBeGreaterThan(10_000);
  expect(powerOf(samples, 1)).toBeGreaterThan(10_000);
  expect(phones.calls).toHaveLength(1);
});

test('a phone that calls a number with a route is answered, and one that calls another number hears 404', async () => {
  const caller = await phones.call(`sip:100@127.0.0.1:${port}`, 'sip:+79995551111@127.0.0.1');
  await until(() => caller.isConnected());
  const [call] = (await it.bus.call(calls.list_calls, { phoneNumber: '+79995551111' })).items;
  expect(call).toMatchObject({ direction: 'in', line: '100' });
  caller.hangUp();
  await until(async () => (await stateOf(call?.callId as string)) === 'ended');
  const stranger = await phones.call(`sip:999@127.0.0.1:${port}`, 'sip:+79995552222@127.0.0.1');
  await until(() => stranger.hasEnded());
  expect(stranger.isConnected()).toBe(false);
  expect((await it.bus.call(calls.list_calls, { phoneNumber: '+79995552222' })).items).toEqual([]);
});

const polyb = async (words: readonly string[], onNote?: (text: string) => void) =>
  runCommand(await serviceCommands(), words, { natsUrl: nats.url, ...(onNote && { onNote }) });
const sip = (...words: readonly string[]) => polyb(['sip', ...words]);
const labelsOf = async (callId: string) =>
  (await it.bus.call(telephony.list_sip_messages, { callId })).items.map(({ isSent, label }) => `${isSent ? '>' : '<'} ${label}`);

test('the SIP messages of a call that has ended are drawn as a ladder, and nothing of them says who spoke', async () => {
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_3', phoneNumber: '+79995557788' }, { key: 'traced' });
  const phone = await until(() => phones.calls.find(({ number }) => number === '+79995557788'));
  phone.ring();
  phone.answer();
  await until(async () => (await labelsOf(callId)).some((label) => label.includes('ACK (1)')));
  phone.hangUp();
  await until(async () => (await labelsOf(callId)).some((label) => label.includes('200 OK (1 BYE)')));
  const [drawn, full, json] = [
    await sip('trace', callId, '-o', 'pretty'),
    await sip('trace', callId, '--full', '-o', 'pretty'),
    await sip('trace', callId),
  ];
  expect(drawn.stdout.split('\n').map((line) => line.replace(/^ *[\d.]+ s {2}│|[│─<> ]{2,}/g, ' ').trim())).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^us 127\.0\.0\.1:\d+$/),
      expect.stringContaining('INVITE SDP (1)'),
      expect.stringContaining('180 Ringing (1 INVITE)'),
      expect.stringContaining('200 OK SDP (1 INVITE)'),
      expect.stringContaining('ACK (1)'),
      expect.stringContaining('BYE (1)'),
      expect.stringContaining('200 OK (1 BYE)'),
    ]),
  );
  expect(full.stdout).toContain('To: <sip:+7999***7788@127.0.0.1');
  expect(JSON.parse(json.stdout).messages[0]).toMatchObject({ isSent: true, label: 'INVITE SDP (1)', protocol: 'udp' });
  for (const { stdout, status } of [drawn, full, json]) {
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/9995557788|4951234567/);
  }
});

test('the messages of a call that came in begin with its INVITE, and the end by another process is among them', async () => {
  const caller = await phones.call(`sip:100@127.0.0.1:${port}`, 'sip:+79995551199@127.0.0.1');
  await until(() => caller.isConnected());
  const [call] = (await it.bus.call(calls.list_calls, { phoneNumber: '+79995551199' })).items;
  const { callId = '', legId } = call ?? {};
  await until(async () => (await labelsOf(callId)).includes('< ACK (1)'));
  expect((await labelsOf(callId)).slice(0, 3)).toEqual(['< INVITE SDP (1)', '> 180 Ringing (1 INVITE)', '> 200 OK SDP (1 INVITE)']);
  await it.store.query(`update telephony_gateway.legs set holder = 'dead', heartbeat = now() - interval '1 min' where call_id = $1`, [
    callId,
  ]);
  await until(async () => (await labelsOf(callId)).some((label) => /^> BYE/.test(label)));
  await until(() => caller.hasEnded());
  // Its holder lives here, and does not know that another one ended the call.
  await it.bus.call(telephony.hang_up, { legId: legId as string });
});

test('a call without SIP messages has no ladder, and a page of messages ends where the next begins', async () => {
  expect(await sip('trace', 'call_of_nobody')).toMatchObject({
    status: 3,
    stdout: '',
    stderr: expect.stringContaining('no SIP messages of call call_of_nobody are kept'),
  });
  const [call] = (await it.bus.call(calls.list_calls, { phoneNumber: '+79995557788' })).items;
  const { callId = '' } = call ?? {};
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await it.bus.call(telephony.list_sip_messages, { callId, limit: 2, ...(cursor ? { cursor } : {}) });
    seen.push(...page.items.map(({ label }) => label));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual((await labelsOf(callId)).map((label) => label.slice(2)));
});

test('a ping shows what a peer can do, and one without a response ends with a status of its own', async () => {
  const { status, stdout } = await sip('ping', phones.uri, '-o', 'pretty');
  expect(stdout).toMatch(/^response +200 OK {2}[\d.]+ ms\nprogram .*\nallow +INVITE, ACK.*\nsupported +100rel/);
  expect(status).toBe(0);
  const lines = (await sip('ping', phones.uri, '--count', '2')).stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).status)).toEqual([200, 200]);
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const failures = [
    [[`sip:127.0.0.1:${silent.address().port}`, '-t', '300ms'], 5, /did not respond within 0.3 s/],
    [['sip:127.0.0.1:1;transport=tcp'], 7, /refuses connections/],
    [['sip:no-such-host.invalid'], 3, /has no address/],
    [['tel:+79995553322'], 2, /expected a SIP URI/],
    [['127.0.0.1'], 2, /expected a SIP URI/],
  ] as const;
  for (const [words, expected, told] of failures)
    expect(await sip('ping', ...words)).toMatchObject({ status: expected, stdout: '', stderr: expect.stringMatching(told) });
  silent.close();
});

test('a call is listened to while it goes on, both sides apart, as a file and as raw samples, until it ends', async () => {
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_4', phoneNumber: '+79995556677' }, { key: 'heard live' });
  const phone = await until(() => phones.calls.find(({ number }) => number === '+79995556677'));
  phone.answer();
  await until(async () => (await stateOf(callId)) === 'answered' && phone.isConnected());
  const { legId } = await it.bus.call(calls.get_call, { callId });
  const file = join(folder, 'live.wav');
  const notes: string[] = [];
  const listening = [
    polyb(['calls', 'listen', callId, '-o', file, '--output', 'json'], (text) => notes.push(text)),
    polyb(['calls', 'listen', callId], (text) => notes.push(text)),
  ];
  await until(() => notes.join('').match(/listening to/g)?.length === 2);
  const stop = new AbortController();
  const speaking = (async function* () {
    for (let nth = 0; nth < 3; nth += 1) yield { id: `part ${nth}`, audio: loud(500) };
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  })();
  const saying = (async () => {
    for await (const item of it.bus.open(telephony.media, { legId: legId as string }, speaking))
      if (!(item instanceof Uint8Array) && 'played' in item && item.played === 'part 2') break;
  })();
  phone.speak(loud(1_000));
  await saying;
  stop.abort();
  phone.hangUp();
  const [saved, piped] = await Promise.all(listening);
  expect(saved).toMatchObject({ status: 0, stderr: expect.stringMatching(/missed 0 of them and 0 pieces/) });
  const heard = readWav(await readFile(file));
  expect(JSON.parse(saved?.stdout ?? '')).toMatchObject({ file, missed: { left: 0, right: 0 }, seconds: expect.any(Number) });
  const raw = Buffer.from(piped?.stdout ?? '', 'latin1');
  for (const samples of [heard.samples, new Int16Array(new Uint8Array(raw).buffer)])
    for (const side of [0, 1] as const) expect(powerOf(samples, side)).toBeGreaterThan(10_000);
  const late = join(folder, 'late.wav');
  expect(await polyb(['calls', 'listen', callId, '-o', late])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('has ended'),
  });
  await expect(readFile(late)).rejects.toMatchObject({ code: 'ENOENT' });
  const kept = join(folder, 'kept.wav');
  await until(async () => (await polyb(['calls', 'audio', callId, '-o', kept])).status === 0);
  expect(readWav(await readFile(kept))).toMatchObject({ channels: 2, rateHz: 8_000 });
});

test('while an instance drains, its call goes on and can be hung up, and new calls reach the other instance', async () => {
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_2', phoneNumber: '+79995553333' }, { key: 'k2' });
  const phone = await until(() => phones.calls.find(({ number }) => number === '+79995553333'));
  phone.ring();
  phone.answer();
  await until(async () => (await stateOf(callId)) === 'answered');
  const { legId } = await it.bus.call(calls.get_call, { callId });
  const second = await start('telephony-gateway');
  const drained = gateway.stop(15_000);
  const caller = await until(async () => {
    const made = await phones.call(`sip:100@127.0.0.1:${port}`, 'sip:+79995554444@127.0.0.1');
    await until(() => made.isConnected() || made.hasEnded());
    return made.isConnected() && made; // An instance that has just begun to drain may still refuse it.
  });
  expect(phone.hasEnded()).toBe(false);
  // The next instance finds the dialog of the call, for requests that only it receives.
  const saved = async () => (await dialogWith(it.store, { callId: legId as string })) as { remoteTag: string; isConfirmed: boolean };
  await until(async () => (await saved()).isConfirmed);
  const { remoteTag } = await saved();
  expect(await dialogWith(it.store, { callId: legId as string, remoteTag })).toMatchObject({ callId: legId });
  expect(await dialogWith(it.store, { callId: legId as string, remoteTag: 'another' })).toBeNull();
  await it.bus.call(telephony.hang_up, { legId: legId as string });
  await until(() => phone.hasEnded());
  await drained;
  caller.hangUp();
  gateway = second;
});

test('calls that go on beyond the limit of a drain, in talk and ringing, are hung up by the system, and the instance ends', async () => {
  await gateway.stop(15_000);
  gateway = await start('telephony-gateway', { TELEPHONY_DRAIN_MS: '100' });
  const called = async (phoneNumber: string, key: string) => {
    const { callId } = await it.bus.call(calls.start_call, { leadId: `lead_${key}`, phoneNumber }, { key });
    const phone = await until(() => phones.calls.find(({ number }) => number === phoneNumber));
    phone.ring();
    return { callId, phone };
  };
  const [talk, ringing] = [await called('+79995553344', 'k3'), await called('+79995553355', 'k4')];
  talk.phone.answer();
  await until(async () => (await stateOf(talk.callId)) === 'answered' && (await stateOf(ringing.callId)) === 'ringing');
  const { legId } = await it.bus.call(calls.get_call, { callId: talk.callId });
  const opened = Promise.withResolvers<void>();
  const silent = (async function* () {
    await new Promise(() => {});
    yield { id: 'never', audio: loud(20) };
  })();
  const listening = (async () => {
    for await (const _ of it.bus.open(telephony.media, { legId: legId as string }, silent, { onOpened: opened.resolve }));
  })();
  await opened.promise;
  await gateway.stop(60_000);
  expect([talk, ringing].map(({ phone }) => phone.hasEnded())).toEqual([true, true]);
  await listening;
  expect(await it.store.query('select 1 from telephony_gateway.legs where ended_at is null')).toEqual([]);
  await until(async () => (await stateOf(talk.callId)) === 'ended' && (await stateOf(ringing.callId)) === 'ended');
  const end = { endedBy: 'system', hangUpCause: 'holder_lost' };
  expect(await it.bus.call(calls.get_call, { callId: talk.callId })).toMatchObject({ ...end, outcome: 'answered' });
  expect(await it.bus.call(calls.get_call, { callId: ringing.callId })).toMatchObject({ ...end, outcome: 'cancelled' });
});

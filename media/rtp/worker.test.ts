import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { startRelay } from '../../test/kit/network.ts';
import { startRtpPeer } from '../../test/kit/rtp-peer.ts';
import { until } from '../../test/kit/until.ts';
import { concat, find, rms, voice } from '../../test/kit/voice.ts';
import { decode, encode } from '../audio/g711.ts';
import { goertzel } from '../audio/goertzel.ts';
import { makeTone } from '../audio/tones.ts';
import { readWavFile } from '../audio/wav.ts';
import type { MediaFact, Negotiated } from './media.ts';
import { parseRtcp } from './rtcp.ts';
import { createMediaWorker, type MediaSession, type MediaWorker } from './worker-client.ts';

let worker: MediaWorker;
beforeAll(() => {
  worker = createMediaWorker({ address: '127.0.0.1' });
});
afterAll(() => worker.close());

const agreed = (port: number, change: Partial<Negotiated> = {}): Negotiated => ({
  codec: 'PCMU',
  payloadType: 0,
  ptimeMs: 20,
  telephoneEventType: 101,
  comfortNoise: false,
  remote: { address: '127.0.0.1', port },
  direction: 'sendrecv',
  ...change,
});
/** Frames and facts of a session. */
function listen(session: MediaSession) {
  const frames: Uint8Array[] = [];
  const facts: MediaFact[] = [];
  session.on({ frame: (audio) => frames.push(audio.slice()), fact: (fact) => facts.push(fact) });
  return { facts, frames, heard: () => decode('PCMU', concat8(frames)) };
}
/** Frames that are almost purely a tone of this frequency. On a busy machine some are late and so concealed. */
const framesOf = (hz: number, heard: Int16Array) =>
  Array.from({ length: Math.floor(heard.length / 160) }, (_, nth) => heard.subarray(nth * 160, nth * 160 + 160)).filter(
    (frame) => goertzel(frame, hz) > 0.4 * 160 * frame.reduce((sum, sample) => sum + sample * sample, 1),
  ).length;
const concat8 = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const channel = (samples: Int16Array, which: 0 | 1) =>
  Int16Array.from({ length: samples.length / 2 }, (_, nth) => samples[2 * nth + which] as number);

test('a phone on UDP is heard and hears, is recorded, presses a key, and gets a goodbye', async () => {
  const [phone, session, dir] = [await startRtpPeer(), await worker.open({ cname: 'leg-1@polyb' }), await temporaryDir()];
  const { facts, heard } = listen(session);
  session.configure(agreed(phone.port));
  session.record(join(dir, 'call.wav'));
  const [said, greeting] = [concat(voice(700, 1, false), makeTone({ hz: [700], ms: 800, dbm0: -10 })), voice(1_000, 2, false)];
  session.play('greeting', encode('PCMU', greeting));
  await phone.speak(said, session.port);
  phone.send({ payloadType: 101, sequence: 75, timestamp: 75 * 160, ssrc: 77, payload: Uint8Array.of(5, 0x8a, 3, 32) }, session.port);
  await until(() => facts.some((fact) => 'dtmf' in fact) && facts.some((fact) => 'played' in fact));
  expect(session.port % 2).toBe(0);
  await until(() => heard().length > 12_000);
  expect(framesOf(700, heard())).toBeGreaterThan(10);
  expect(find(greeting.subarray(800, 7_200), phone.heard(), 0, 4_000).likeness).toBeGreaterThan(0.98);
  expect(phone.received.every(({ from }) => from === session.port)).toBe(true);
  expect(await session.stats()).toMatchObject({ received: 76, strangers: 0, peer: { port: phone.port } });
  await session.close();
  await until(() => phone.control.some((bytes) => (parseRtcp(bytes)?.goodbyes.length ?? 0) > 0));
  expect(parseRtcp(phone.control[0] ?? new Uint8Array(0))?.cname).toBe('leg-1@polyb');
  expect(facts.filter((fact) => !('speech' in fact || 'rttMs' in fact || 'lost' in fact || 'delayMs' in fact))).toEqual([
    { played: 'greeting', ms: 1_000 },
    { dtmf: '5', by: 'rfc4733' },
    { recording: join(dir, 'call.wav'), ms: expect.any(Number), error: null },
  ]);
  const { samples } = await readWavFile(join(dir, 'call.wav'), { maxBytes: 1e7 });
  expect(find(said.subarray(1_600, 5_600), channel(samples, 0), 1_200, 8_000).likeness).toBeGreaterThan(0.9);
  expect(find(greeting.subarray(800, 7_200), channel(samples, 1), 0, 4_000).likeness).toBeGreaterThan(0.98);
  await expect(session.stats()).rejects.toThrow('the media session has ended');
  phone.close();
});

test('over a network with 5 % loss, 60 ms jitter and 5 % reordering the recording is the caller’s words, without a hole above 60 ms', async () => {
  const [phone, session, dir] = [await startRtpPeer(), await worker.open(), await temporaryDir()];
  const weather = { seed: 6, loss: 0.05, reorder: 0.05, duplicate: 0.02, jitterMs: 60 };
  const [there, back] = await startRelay(
    () => phone.port,
    () => session.port,
    weather,
  );
  session.configure(agreed(back.port));
  session.record(join(dir, 'call.wav'));
  const said = voice(4_000, 12);
  await phone.speak(said, there.port);
  await until(async () => (await session.stats()).received >= 180);
  await session.close();
  there.close();
  const left = channel((await readWavFile(join(dir, 'call.wav'), { maxBytes: 1e7 })).samples, 0);
  const parts = [4_000, 24_000].map((from) => find(said.subarray(from, from + 4_000), left, from, from + 6_000).at - from);
  expect(Math.abs((parts[0] ?? 0) - (parts[1] ?? 0))).toBeLessThan(320);
  let [hole, longest, place] = [0, 0, parts[0] ?? 0];
  for (let at = 0; at + 80 <= said.length; at += 80) {
    const part = said.subarray(at, at + 80);
    const found = find(part, left, at + place - 12, at + place + 12);
    if (rms(part) > 0.005 && found.likeness > 0.95) place = found.at - at;
    hole = rms(part) <= 0.005 || found.likeness > 0.8 ? 0 : hole + 10;
    longest = Math.max(longest, hole);
  }
  expect(longest).toBeLessThanOrEqual(60);
  phone.close();
});

test('no RTP frame of a stranger is accepted, and nothing is sent to it', async () => {
  const [phone, stranger, session] = [await startRtpPeer(), await startRtpPeer(), await worker.open()];
  const { frames } = listen(session);
  session.configure(agreed(phone.port));
  const stop = new AbortController();
  const speaking = phone.speak(voice(60_000, 1), session.port, { signal: stop.signal });
  await until(() => frames.length > 5);
  for (let nth = 0; nth < 100; nth += 1)
    stranger.send({ sequence: nth, timestamp: nth * 160, ssrc: 5, payload: new Uint8Array(160).fill(0x10) }, session.port);
  await until(async () => (await session.stats()).strangers === 100);
  const sent = phone.received.length;
  await until(() => phone.received.length > sent + 10);
  stop.abort();
  await speaking;
  expect(stranger.received).toEqual([]);
  expect(frames.some((frame) => frame.includes(0x10))).toBe(false);
  await session.close();
  phone.close();
  stranger.close();
});

test('two sessions that are connected hear each other, keys included, until they are parted', async () => {
  const [one, two] = [await startRtpPeer(), await startRtpPeer()];
  const [first, second] = [await worker.open(), await worker.open()];
  first.configure(agreed(one.port, { codec: 'PCMA', payloadType: 8 }));
  second.configure(agreed(two.port));
  first.connect(second);
  const [mine, yours] = [500, 900].map((hz) => makeTone({ hz: [hz], ms: 1_500, dbm0: -10 })) as [Int16Array, Int16Array];
  await Promise.all([one.speak(mine, first.port, { law: 'PCMA' }), two.speak(yours, second.port)]);
  one.send({ payloadType: 101, sequence: 90, timestamp: 90 * 160, ssrc: 77, payload: Uint8Array.of(11, 0x8a, 3, 32) }, first.port);
  await until(() => two.received.filter(({ payloadType, payload }) => payloadType === 101 && payload[0] === 11).length >= 7);
  expect(framesOf(500, two.heard())).toBeGreaterThan(10);
  expect(framesOf(900, one.heard())).toBeGreaterThan(10);
  first.connect(null);
  await first.stats();
  const at = two.received.length;
  await until(() => two.received.length > at + 20);
  expect(rms(concat(...two.received.slice(-10).map(({ payload }) => decode('PCMU', payload))))).toBe(0);
  await Promise.all([first.close(), second.close()]);
  for (const phone of [one, two]) phone.close();
});

test('ports are taken from the range, in pairs, and a range that is full is refused', async () => {
  const few = createMediaWorker({ address: '127.0.0.1', ports: [41_000, 41_003] });
  const sessions = [await few.open(), await few.open()];
  expect(sessions.map(({ port }) => port).sort()).toEqual([41_000, 41_002]);
  await expect(few.open()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(await few.stats()).toMatchObject({ sessions: 2, droppedFrames: 0, lateness: { count: expect.any(Number) } });
  await sessions[0]?.close();
  expect((await few.open()).port).toBe(sessions[0]?.port);
  await few.close();
});

test('a worker that dies is a failure of all its sessions, and the next one lives in a new worker', async () => {
  const file = join(await temporaryDir(), 'worker.ts');
  const dies = `import { parentPort } from 'node:worker_threads';
import '${new URL('worker.ts', import.meta.url).href}';
parentPort.on('message', (order) => { if (order.digits === 'die') throw new Error('the worker is dead'); });`;
  await writeFile(file, dies);
  const mortal = createMediaWorker({ address: '127.0.0.1', file: pathToFileURL(file) });
  const sessions = [await mortal.open(), await mortal.open()];
  const heard = sessions.map(listen);
  const asked = sessions[1]?.stats();
  sessions[0]?.sendDtmf('die');
  await until(() => heard.every(({ facts }) => facts.length > 0));
  expect(heard.map(({ facts }) => facts)).toEqual([[{ failed: 'the worker is dead' }], [{ failed: 'the worker is dead' }]]);
  await asked?.catch(() => {});
  await expect(sessions[1]?.stats()).rejects.toThrow();
  await sessions[1]?.close();
  expect((await mortal.open()).port).toBeGreaterThan(0);
  await mortal.close();
});

test('closing a worker closes its sessions, and closing it again does nothing', async () => {
  const mine = createMediaWorker({ address: '127.0.0.1' });
  await expect(mine.stats()).rejects.toThrow('the media worker has no session');
  await mine.close();
  const session = await mine.open();
  await mine.close();
  await mine.close();
  await session.close();
  await expect(session.stats()).rejects.toThrow('the media session has ended');
});

test('audio that is a part of a larger buffer is played, and the buffer stays as it is', async () => {
  const [phone, session] = [await startRtpPeer(), await worker.open()];
  const { facts } = listen(session);
  session.configure(agreed(phone.port));
  const message = Buffer.alloc(1_000, 0x10);
  session.play('first', message.subarray(10, 330));
  session.play('second', message.subarray(330, 650));
  expect(message.length).toBe(1_000);
  await until(() => facts.filter((fact) => 'played' in fact).length === 2);
  await session.close();
  await phone.close();
});

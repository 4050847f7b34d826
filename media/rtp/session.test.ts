import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { createWeather, type Weather } from '../../test/kit/network.ts';
import { concat, find, likeness, rms, voice } from '../../test/kit/voice.ts';
import { decode, encode, type Law, silence } from '../audio/g711.ts';
import { makeDtmf, makeTone } from '../audio/tones.ts';
import { createWavWriter, readWavFile } from '../audio/wav.ts';
import type { Endpoint } from './latch.ts';
import type { MediaFact, Negotiated } from './media.ts';
import { parseRtp, type RtpPacket, writeRtp } from './packet.ts';
import { parseRtcp, writeRtcp } from './rtcp.ts';
import { createSession } from './session.ts';
import { createSrtpReceiver, createSrtpSender } from './srtp.ts';

const phone: Endpoint = { address: '10.0.0.7', port: 4_000 };
const agreed: Negotiated = {
  codec: 'PCMU',
  payloadType: 0,
  ptimeMs: 20,
  telephoneEventType: 101,
  comfortNoise: false,
  remote: phone,
  direction: 'sendrecv',
};

/** A session on its own clock, and everything that it sends and reports. */
function leg({ seed = 1, inactivityMs = 30_000 } = {}) {
  const sent: (RtpPacket & { readonly atMs: number; readonly to: Endpoint; readonly bytes: Uint8Array })[] = [];
  const control: Uint8Array[] = [];
  const facts: MediaFact[] = [];
  const frames: Uint8Array[] = [];
  const queue: { readonly atMs: number; readonly work: () => void }[] = [];
  let now = 0;
  let dueMs = 0;
  const session = createSession({
    cname: 'leg@polyb',
    random: seededRandom(seed),
    send(bytes, to) {
      const packet = parseRtp(bytes);
      if (packet !== null) sent.push({ ...packet, atMs: now, to, bytes });
    },
    sendControl: (bytes) => control.push(bytes),
    frame: (audio) => frames.push(audio),
    fact: (fact) => facts.push(fact),
    createWriter: (file, failed) => createWavWriter(file, { rateHz: 8_000, channels: 2, failed, maxPendingBytes: 1 << 24 }),
    timeOrigin: 1_700_000_000_000,
    inactivityMs,
  });
  return {
    session,
    sent,
    control,
    facts,
    frames,
    now: () => now,
    agree: (change: Partial<Negotiated> = {}) => session.configure({ ...agreed, ...change }, now),
    at: (atMs: number, work: () => void) => queue.push({ atMs, work }),
    arrive: (atMs: number, packet: RtpPacket, from = phone) =>
      queue.push({ atMs, work: () => session.receive(writeRtp(packet), from, atMs) }),
    /** Runs the clock: packets that arrive by a deadline are delivered before its tick. */
    run(untilMs: number) {
      queue.sort((a, b) => a.atMs - b.atMs);
      for (; dueMs < untilMs; dueMs += session.tickMs()) {
        for (let next = queue[0]; next !== undefined && next.atMs <= dueMs; next = queue[0]) {
          queue.shift();
          now = next.atMs;
          next.work();
        }
        now = dueMs;
        session.tick(dueMs);
      }
    },
    heard: () => concat(...frames.map((frame) => decode('PCMU', frame))),
  };
}
type Leg = ReturnType<typeof leg>;

interface Stream {
  readonly law?: Law;
  readonly ptimeMs?: number;
  readonly ssrc?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly from?: Endpoint;
  /** Whether the first packet is marked. */
  readonly marker?: boolean;
  readonly weather?: Weather;
}
/** Sends a signal to a leg as a phone does. */
function speak(to: Leg, fromMs: number, samples: Int16Array, stream: Stream = {}): void {
  const {
    law = 'PCMU',
    ptimeMs = 20,
    ssrc = 77,
    sequence = 65_500,
    timestamp = 0xffff_f000,
    from = phone,
    marker = true,
    weather = { seed: 1 },
  } = stream;
  const fate = createWeather(weather);
  for (let nth = 0; nth * ptimeMs * 8 < samples.length; nth += 1) {
    const payload = encode(law, samples.subarray(nth * ptimeMs * 8, (nth + 1) * ptimeMs * 8));
    const packet = {
      payloadType: law === 'PCMU' ? 0 : 8,
      marker: marker && nth === 0,
      sequence: (sequence + nth) & 0xffff,
      timestamp: (timestamp + nth * ptimeMs * 8) >>> 0,
      ssrc,
      payload,
    };
    for (const after of fate()) to.arrive(fromMs + nth * ptimeMs + after, packet, from);
  }
}
const audioOf = (sent: Leg['sent'], law: Law = 'PCMU') => sent.filter(({ payloadType }) => payloadType === (law === 'PCMU' ? 0 : 8));
const spoken = (packets: Leg['sent'], law: Law = 'PCMU') => concat(...packets.map(({ payload }) => decode(law, payload)));
const loud = (samples: Int16Array) => rms(samples) > 0.005;
const chunk = (ms: number, hz = 400) => encode('PCMU', makeTone({ hz: [hz], ms, dbm0: -10 }));
const factsOf = <Name extends string>(facts: readonly MediaFact[], name: Name) => facts.filter((fact) => name in fact);

test('a phone is heard, and hears what is played, in frames of 20 ms', () => {
  const it = leg();
  it.agree();
  const said = voice(2_000, 1);
  speak(it, 0, said);
  it.session.play('greeting', encode('PCMU', voice(1_000, 2)));
  it.run(2_200);
  expect(find(said.subarray(4_000, 12_000), it.heard(), 4_000, 4_800)).toMatchObject({ likeness: expect.closeTo(1, 1) });
  expect(it.sent).toHaveLength(110);
  expect(likeness(spoken(it.sent).subarray(0, 8_000), voice(1_000, 2))).toBeGreaterThan(0.99);
  expect(it.facts).toContainEqual({ played: 'greeting', ms: 1_000 });
});
test.each([
  ['of a calm network', {}],
  ['of a network that delays packets by up to 60 ms', { jitterMs: 60 }],
])('how much later frames come than packets that nothing delayed is reported: %s', (_, weather) => {
  const it = leg();
  it.agree();
  const said = voice(8_000, 1, false);
  speak(it, 0, said, { weather: { seed: 3, ...weather } });
  let firstAt: number | undefined;
  for (let ms = 20; ms <= 7_500; ms += 20) {
    it.run(ms);
    if (it.frames.length > 0) firstAt ??= it.now();
  }
  const piece = find(said.subarray(56_000, 57_600), it.heard(), 53_000, 59_000);
  const delays = it.facts.flatMap((fact) => ('delayMs' in fact ? [fact.delayMs] : []));
  expect(piece.likeness).toBeGreaterThan(0.8);
  expect(Math.abs((firstAt ?? 0) + piece.at / 8 - 7_000 - (delays.at(-1) ?? 0))).toBeLessThanOrEqual(10);
});
test('the delay is not reported while the only packet waited in this process', () => {
  const it = leg();
  it.agree();
  const payload = encode('PCMU', voice(20, 1));
  const first = { payloadType: 0, marker: true, sequence: 65_499, timestamp: 0xffff_ef60, ssrc: 77, payload };
  it.at(0, () => it.session.receive(writeRtp(first), phone, 0, false));
  speak(it, 20, voice(500, 1), { marker: false });
  it.run(500);
  const delays = it.facts.flatMap((fact) => ('delayMs' in fact ? [fact.delayMs] : []));
  expect(delays.length).toBeGreaterThan(0);
  expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
});
test('what is queued is silence when there is nothing, and its sequence and timestamps have no gap', () => {
  const it = leg();
  it.agree();
  it.at(400, () => it.session.play('a', chunk(205)));
  it.run(1_000);
  const steps = it.sent
    .slice(1)
    .map((packet, nth) => [
      (packet.sequence - (it.sent[nth]?.sequence ?? 0)) & 0xffff,
      (packet.timestamp - (it.sent[nth]?.timestamp ?? 0)) >>> 0,
    ]);
  expect(new Set(steps.map(String))).toEqual(new Set(['1,160']));
  expect(it.sent[3]?.payload.every((byte) => byte === silence.PCMU)).toBe(true);
  expect(it.sent.filter(({ marker }) => marker).map(({ atMs }) => atMs)).toEqual([0, 400]);
});
test('a clear stops the voice within one frame, and says how much of each chunk was played', () => {
  const it = leg();
  it.agree();
  for (const id of ['a', 'b', 'c']) it.session.play(id, chunk(100));
  it.session.mark('end');
  it.at(150, () => it.session.clear());
  it.run(400);
  expect(it.facts).toEqual([
    { played: 'a', ms: 100 },
    { played: 'b', ms: 60 },
    { played: 'c', ms: 0 },
    { played: 'end', ms: 0 },
  ]);
  expect(loud(spoken(it.sent.filter(({ atMs }) => atMs >= 160)))).toBe(false);
});
test('a queue of more than two minutes refuses what comes, so that a session stays small', () => {
  const it = leg();
  it.agree();
  for (let nth = 0; nth < 200; nth += 1) it.session.play(`${nth}`, new Uint8Array(8_000));
  expect(it.facts).toHaveLength(80);
  expect(it.facts[0]).toEqual({ played: '120', ms: 0 });
});

test('on hold the phone hears nothing, after it what is fresh, and the timer of silence waits', () => {
  const it = leg({ inactivityMs: 5_000 });
  it.agree();
  speak(it, 0, voice(2_000, 1));
  it.session.play('before', chunk(10_000, 400));
  it.at(2_000, () => it.agree({ direction: 'recvonly' }));
  it.at(4_000, () => it.session.play('meanwhile', chunk(500, 600)));
  it.at(60_000, () => {
    it.agree();
    it.session.play('fresh', chunk(500, 1_000));
  });
  it.run(5_000);
  expect(it.facts.findLast((fact) => !('delayMs' in fact))).toEqual({ played: 'meanwhile', ms: 0 });
  it.run(64_000);
  expect(it.sent.filter(({ atMs }) => atMs >= 2_000 && atMs < 60_000)).toEqual([]);
  const resumed = it.sent.filter(({ atMs }) => atMs >= 60_000);
  expect(resumed[0]).toMatchObject({ marker: true, ssrc: it.sent[0]?.ssrc });
  expect(
    likeness(spoken(resumed).subarray(100, 4_000), makeTone({ hz: [1_000], ms: 500, dbm0: -10 }).subarray(100, 4_000)),
  ).toBeGreaterThan(0.99);
  expect(it.facts.filter((fact) => 'played' in fact || 'held' in fact)).toEqual([
    { played: 'before', ms: 2_000 },
    { held: true },
    { played: 'meanwhile', ms: 0 },
    { held: false },
    { played: 'fresh', ms: 500 },
  ]);
  expect(factsOf(it.facts, 'inactiveMs')).toEqual([]);
  it.run(70_000);
  expect(factsOf(it.facts, 'inactiveMs')).toEqual([{ inactiveMs: 5_000 }]);
});
test('after this side held the phone it is heard from now on, not from before', () => {
  const it = leg();
  it.agree();
  speak(it, 0, voice(6_000, 1));
  it.at(2_000, () => it.agree({ direction: 'sendonly' }));
  it.at(4_000, () => it.agree());
  it.run(6_000);
  expect(it.frames.length).toBeGreaterThan(190);
  expect(it.frames.length).toBeLessThanOrEqual(200);
  expect(factsOf(it.facts, 'held')).toEqual([]);
});

const nat: Endpoint = { address: '127.0.0.1', port: 5_000 };
const stranger: Endpoint = { address: '127.0.0.1', port: 6_000 };
test('a phone behind a NAT is answered where it sends from, and no third source is heard or answered', () => {
  const it = leg();
  it.agree();
  speak(it, 0, voice(3_000, 1), { from: nat });
  speak(it, 500, voice(2_000, 2), { from: stranger, ssrc: 5 });
  it.run(3_000);
  expect(new Set(it.sent.slice(5).map(({ to }) => to.port))).toEqual(new Set([nat.port]));
  expect(it.session.stats()).toMatchObject({ strangers: 100 + 2, received: 148, peer: nat });
});
test('a re-INVITE lets the phone move', () => {
  const it = leg();
  it.agree();
  speak(it, 0, voice(1_000, 1), { from: nat });
  it.at(1_000, () => it.agree());
  speak(it, 1_000, voice(1_000, 1), { from: { ...nat, port: 5_002 }, ssrc: 78 });
  it.run(2_000);
  expect(it.sent.at(-1)?.to.port).toBe(5_002);
});

test.each([
  ['a new source with its own numbers', { ssrc: 78, sequence: 3, timestamp: 9 }],
  ['a new source whose numbers are those of 200 ms before', { ssrc: 78, sequence: 40, timestamp: 0xffff_f000 + 40 * 160 }],
  ['numbers that restart', { sequence: 1, timestamp: 0 }],
  ['timestamps that leap up by an hour', { sequence: 65_550, timestamp: 0xffff_f000 + 50 * 160 + 28_800_000 }],
  ['timestamps that leap down by an hour', { sequence: 65_550, timestamp: 0xffff_f000 + 50 * 160 - 28_800_000 }],
])('after a transfer with %s the caller is heard within 100 ms, and the recording goes on', async (_, after) => {
  const file = join(await temporaryDir(), 'call.wav');
  const it = leg();
  it.agree();
  it.session.record(file, 0);
  const [before, then] = [voice(1_000, 1), voice(2_000, 2)];
  speak(it, 0, before);
  speak(it, 1_000, then, { ...after, marker: false });
  it.run(3_200);
  const heard = find(then.subarray(800, 8_000), it.heard(), 8_000, 11_000);
  expect(heard.likeness).toBeGreaterThan(0.97);
  expect(heard.at - 800 - 8_000).toBeLessThanOrEqual(800);
  await it.session.close(3_200);
  const recorded = find(then.subarray(800, 8_000), channel((await readWavFile(file, { maxBytes: 1e7 })).samples, 0), 8_000, 9_600);
  expect(recorded.likeness).toBeGreaterThan(0.97);
  expect(Math.abs(recorded.at - 8_800)).toBeLessThanOrEqual(320);
});

test('from music to the agent to a person the stream is one: no leap of its timestamps, and each voice begins with a marker', () => {
  const [it, person] = [leg(), leg({ seed: 2 })];
  it.agree();
  person.agree();
  it.session.play('music', chunk(500, 300));
  it.at(600, () => it.session.play('agent', chunk(300, 500)));
  it.at(1_000, () => person.session.connect(it.session));
  speak(person, 1_000, voice(1_000, 5, false));
  for (let now = 20; now <= 2_000; now += 20) {
    person.run(now);
    it.run(now);
  }
  expect(new Set(it.sent.map(({ ssrc }) => ssrc)).size).toBe(1);
  expect(new Set(it.sent.slice(1).map(({ timestamp }, nth) => (timestamp - (it.sent[nth]?.timestamp ?? 0)) >>> 0))).toEqual(new Set([160]));
  const markers = it.sent.filter(({ marker }) => marker).map(({ atMs }) => atMs);
  expect(markers.slice(0, 2)).toEqual([0, 600]);
  expect(markers.at(2)).toBeGreaterThanOrEqual(1_000);
  expect(loud(spoken(it.sent.filter(({ atMs }) => atMs > 1_200 && atMs < 1_900)))).toBe(true);
});

const event = (digit: number, duration: number, isEnd: boolean) =>
  Uint8Array.of(digit, isEnd ? 0x8a : 0x0a, duration >> 8, duration & 0xff);
function press(to: Leg, atMs: number, digit: number, sequence: number): void {
  const durations = [160, 320, 480, 640, 800, 800, 800];
  for (const [nth, duration] of durations.entries()) {
    const payload = event(digit, duration, nth > 3);
    to.arrive(atMs + nth * 20, { payloadType: 101, marker: false, sequence: sequence + nth, timestamp: atMs * 8, ssrc: 77, payload });
  }
}
test('one key by RFC 4733 and by INFO is one, and the same key twice is two', () => {
  const it = leg();
  it.agree();
  press(it, 100, 5, 1_000);
  it.at(150, () => it.session.digit('5', 'info', 150));
  press(it, 400, 5, 1_010);
  it.at(480, () => it.session.digit('5', 'info', 480));
  it.run(1_000);
  expect(factsOf(it.facts, 'dtmf')).toEqual([
    { dtmf: '5', by: 'rfc4733' },
    { dtmf: '5', by: 'rfc4733' },
  ]);
});
test('without RFC 4733 keys are heard in the audio, once also beside INFO, and sent as tones', () => {
  const it = leg();
  it.agree({ telephoneEventType: null });
  const key = makeDtmf('7', 100) ?? new Int16Array(0);
  speak(it, 0, concat(voice(500, 3), key, new Int16Array(4_000)));
  it.at(600, () => it.session.digit('7', 'info', 600));
  it.session.sendDtmf('7#');
  it.run(1_100);
  expect(factsOf(it.facts, 'dtmf')).toHaveLength(1);
  const other = leg();
  other.agree({ telephoneEventType: null });
  speak(other, 0, spoken(it.sent));
  other.run(1_100);
  expect(factsOf(other.facts, 'dtmf')).toEqual([
    { dtmf: '7', by: 'inband' },
    { dtmf: '#', by: 'inband' },
  ]);
});
test('keys that are sent reach another session once each, and the voice goes on after them', () => {
  const [it, other] = [leg(), leg()];
  it.agree();
  other.agree();
  it.session.play('voice', chunk(400));
  it.session.sendDtmf('5#');
  it.run(1_500);
  for (const { bytes, atMs } of it.sent) other.at(atMs, () => other.session.receive(bytes, phone, atMs));
  other.run(1_700);
  expect(factsOf(other.facts, 'dtmf')).toEqual([
    { dtmf: '5', by: 'rfc4733' },
    { dtmf: '#', by: 'rfc4733' },
  ]);
  expect(it.facts).toContainEqual({ played: 'voice', ms: 400 });
});

test('with PCMA alone both sides hear each other, and a change of codec keeps pitch and length of the recording', async () => {
  const file = join(await temporaryDir(), 'call.wav');
  const it = leg();
  it.agree({ codec: 'PCMA', payloadType: 8 });
  it.session.record(file, 0);
  const said = voice(4_000, 7);
  speak(it, 0, said.subarray(0, 16_000), { law: 'PCMA', ptimeMs: 30, timestamp: 0, sequence: 0 });
  speak(it, 2_010, said.subarray(16_080), { law: 'PCMU', ptimeMs: 20, timestamp: 16_080, sequence: 67 });
  it.session.play('a', chunk(1_000, 500));
  it.at(1_900, () => it.agree());
  it.at(2_000, () => it.session.play('b', chunk(1_000, 500)));
  it.run(4_200);
  expect(likeness(spoken(audioOf(it.sent, 'PCMA'), 'PCMA').subarray(0, 8_000), decode('PCMU', chunk(1_000, 500)))).toBeGreaterThan(0.99);
  await it.session.close(4_200);
  const { samples } = await readWavFile(file, { maxBytes: 1e7 });
  expect(samples.length / 2).toBe(4_200 * 8);
  expect(likeness(channel(samples, 0).subarray(0, 16_000), said.subarray(0, 16_000))).toBeGreaterThan(0.98);
  expect(likeness(channel(samples, 0).subarray(16_100, 31_900), said.subarray(16_100, 31_900))).toBeGreaterThan(0.98);
  const tone = decode('PCMU', chunk(1_000, 500));
  for (const from of [0, 16_000])
    expect(find(tone.subarray(400, 7_000), channel(samples, 1), from + 300, from + 560).likeness).toBeGreaterThan(0.98);
});
test.each([10, 30, 40, 60])('frames of %i ms are sent at their time, with all the audio', (ptimeMs) => {
  const it = leg();
  it.agree({ ptimeMs });
  const said = voice(1_200, 4, false);
  it.session.play('a', encode('PCMU', said));
  it.run(1_800);
  expect(
    it.sent
      .slice(1)
      .every(
        ({ timestamp, atMs }, nth) => (timestamp - (it.sent[nth]?.timestamp ?? 0)) >>> 0 === ptimeMs * 8 && atMs === (nth + 1) * ptimeMs,
      ),
  ).toBe(true);
  expect(likeness(spoken(it.sent).subarray(0, said.length), said)).toBeGreaterThan(0.99);
});

test('comfort noise replaces silence where it is agreed on, and a voice after it begins with a marker', () => {
  const it = leg();
  it.agree({ comfortNoise: true });
  it.session.play('a', chunk(200));
  it.at(2_000, () => it.session.play('b', chunk(200)));
  it.run(2_100);
  expect(it.sent.filter(({ payloadType, atMs }) => payloadType === 0 && atMs >= 420 && atMs < 2_000)).toEqual([]);
  expect(it.sent.filter(({ payloadType }) => payloadType === 13).length).toBeGreaterThanOrEqual(7);
  expect(audioOf(it.sent).find(({ atMs }) => atMs >= 2_000)?.marker).toBe(true);
});

test('reports name losses, the round trip and the opinion, and a goodbye ends them', async () => {
  const it = leg();
  it.agree();
  speak(it, 0, voice(9_000, 1), { weather: { seed: 4, loss: 0.1 } });
  it.run(2_000);
  const report = parseRtcp(it.control[0] ?? new Uint8Array(0));
  expect(report?.sender?.packets).toBe(51);
  expect(report?.blocks[0]?.fractionLost).toBeGreaterThan(0);
  const { ntpSeconds = 0, ntpFraction = 0 } = report?.sender ?? {};
  const block = { ssrc: it.sent[0]?.ssrc ?? 0, fractionLost: 64, lost: 10, highestSequence: 5, jitter: 3 };
  const lastReport = (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0;
  const answer = writeRtcp({ ssrc: 77, sender: null, block: { ...block, lastReport, delaySinceLastReport: 65_536 / 2 }, cname: 'phone' });
  it.session.receiveControl(answer, phone, 1_000 + 500 + 80);
  expect(it.facts).toContainEqual({ rttMs: 80 });
  it.run(9_000);
  expect(factsOf(it.facts, 'lost').length).toBeGreaterThan(0);
  expect(it.session.stats()).toMatchObject({ rttMs: 80, lostThere: 0.25 });
  expect(it.session.stats().mos).toBeLessThan(3.5);
  await it.session.close(9_000);
  expect(parseRtcp(it.control.at(-1) ?? new Uint8Array(0))?.goodbyes).toEqual([it.sent[0]?.ssrc]);
});

test('an encrypted call is heard by who has the key, and nobody else is heard in it', () => {
  const [ours, theirs] = [Buffer.alloc(30, 3), Buffer.alloc(30, 4)];
  const it = leg();
  it.agree({ srtp: { local: ours.toString('base64'), remote: theirs.toString('base64') } });
  const sender = createSrtpSender(theirs);
  for (let nth = 0; nth < 50; nth += 1) {
    const packet = { payloadType: 0, marker: false, sequence: nth, timestamp: nth * 160, ssrc: 7, payload: new Uint8Array(160).fill(9) };
    it.at(nth * 20, () => it.session.receive(sender.protect(writeRtp(packet)), phone, nth * 20));
    it.arrive(nth * 20 + 1, { ...packet, ssrc: 8, sequence: 700 + nth });
  }
  it.session.play('a', chunk(500));
  it.run(1_200);
  expect(it.session.stats()).toMatchObject({ received: 50, rejected: 50 });
  const receiver = createSrtpReceiver(ours);
  const opened = it.sent.map(({ bytes }) => receiver.open(bytes));
  expect(opened.every((bytes) => bytes !== null)).toBe(true);
  expect(parseRtp(opened[0] ?? new Uint8Array(0))?.payload).toEqual(chunk(500).subarray(0, 160));
  expect(it.sent[0]?.payload.length).toBe(170);
});

test('any bytes, from the phone and from others, change nothing but counters, and are never a throw', () => {
  const it = leg();
  it.agree();
  const valid = writeRtp({ payloadType: 0, marker: true, sequence: 5, timestamp: 800, ssrc: 7, payload: new Uint8Array(40) });
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const bytes = valid.slice();
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  let now = 0;
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 2_000 })), fc.constantFrom(phone, nat, stranger), (bytes, from) => {
      now += 7;
      it.session.receive(bytes, from, now);
      it.session.receiveControl(bytes, from, now);
      if (now % 20 < 7) it.session.tick(now - (now % 20));
    }),
    { numRuns: 3_000 },
  );
  expect(it.session.stats().peer).toEqual(phone);
});

// Recording
const channel = (samples: Int16Array, which: 0 | 1) =>
  Int16Array.from({ length: samples.length / 2 }, (_, nth) => samples[2 * nth + which] as number);
test('both sides of a recording are on one clock: an echo of this side is 10 ms after it, however late it arrives', async () => {
  const file = join(await temporaryDir(), 'call.wav');
  const it = leg();
  it.agree();
  it.session.record(file, 0);
  const said = voice(3_000, 9);
  it.session.play('a', encode('PCMU', said));
  speak(it, 10, said, { weather: { seed: 5, jitterMs: 60, loss: 0.02 } });
  it.run(3_500);
  await it.session.close(3_500);
  const { samples } = await readWavFile(file, { maxBytes: 1e7 });
  const [left, right] = [channel(samples, 0), channel(samples, 1)];
  const part = said.subarray(8_000, 16_000);
  const [there, here] = [find(part, right, 7_000, 10_000), find(part, left, 7_000, 10_000)];
  expect(Math.abs(here.at - there.at)).toBeLessThanOrEqual(320);
  expect(it.facts.at(-1)).toEqual({ recording: file, ms: 3_500, error: null });
});
/** The longest part of `original`, in ms, that is missing from its place in `recorded`; the place may drift as slowly as clocks do. */
function longestHole(original: Int16Array, recorded: Int16Array, offset: number): number {
  let [hole, longest] = [0, 0];
  let place = offset;
  for (let at = 0; at + 80 <= original.length; at += 80) {
    const part = original.subarray(at, at + 80);
    const found = find(part, recorded, at + place - 12, at + place + 12);
    const isThere = !loud(part) || found.likeness > 0.8;
    if (loud(part) && found.likeness > 0.95) place = found.at - at;
    hole = isThere ? 0 : hole + 10;
    longest = Math.max(longest, hole);
  }
  return longest;
}
test.each([1, 2, 3])(
  'with 5 %% loss, 60 ms jitter, reordering and repeats a recording has no hole above 60 ms and its length (seed %i)',
  async (seed) => {
    const file = join(await temporaryDir(), 'call.wav');
    const it = leg({ seed });
    it.agree();
    it.session.record(file, 0);
    const said = voice(20_000, 10 + seed);
    speak(it, 100, said, { weather: { seed, loss: 0.05, reorder: 0.05, duplicate: 0.02, jitterMs: 60 } });
    it.run(20_500);
    await it.session.close(20_500);
    const left = channel((await readWavFile(file, { maxBytes: 1e7 })).samples, 0);
    expect(left).toHaveLength(20_500 * 8);
    const [first, last] = [
      find(said.subarray(4_000, 12_000), left, 4_000, 6_400),
      find(said.subarray(140_000, 148_000), left, 140_000, 142_400),
    ];
    expect(Math.abs(first.at - 4_000 - (last.at - 140_000))).toBeLessThan(320);
    expect(first.at - 4_000 - 800).toBeLessThan(320);
    expect(longestHole(said, left, first.at - 4_000)).toBeLessThanOrEqual(60);
  },
);
test('a lost packet is concealed in the recording', async () => {
  const file = join(await temporaryDir(), 'call.wav');
  const it = leg();
  it.agree();
  it.session.record(file, 0);
  const tone = makeTone({ hz: [200], ms: 2_000, dbm0: -10 });
  speak(it, 0, tone.subarray(0, 8_000), { sequence: 0, timestamp: 0 });
  speak(it, 1_020, tone.subarray(8_160), { sequence: 51, timestamp: 8_160, marker: false });
  it.run(2_100);
  await it.session.close(2_100);
  const left = channel((await readWavFile(file, { maxBytes: 1e7 })).samples, 0);
  expect(rms(left.subarray(8_000, 8_160))).toBeGreaterThan(0.7 * rms(tone));
});
test.each([
  ['silence', 0],
  ['beep', 0.05],
] as const)('while a recording is paused neither side is in it, but %s', async (fill, level) => {
  const file = join(await temporaryDir(), 'call.wav');
  const it = leg();
  it.agree();
  it.session.record(file, 0);
  speak(it, 0, voice(6_000, 11, false));
  it.session.play('a', chunk(6_000, 400));
  it.at(2_000, () => it.session.pauseRecording(true, fill, 2_000));
  it.at(4_000, () => it.session.pauseRecording(false, fill, 4_000));
  it.run(6_000);
  await it.session.close(6_000);
  const { samples } = await readWavFile(file, { maxBytes: 1e7 });
  for (const which of [0, 1] as const) {
    const side = channel(samples, which);
    expect(loud(side.subarray(8_000, 16_000)) && loud(side.subarray(32_100, 40_000))).toBe(true);
    expect(rms(side.subarray(16_000, 19_000))).toBeCloseTo(level, 1);
    expect(rms(side.subarray(20_000, 32_000))).toBe(0);
  }
});
test('a full disk ends the recording with a fact, and the call goes on', async () => {
  const it = leg();
  it.agree();
  it.session.record('/dev/full', 0);
  it.run(3_000);
  await new Promise((resolve) => setImmediate(resolve));
  await it.session.close(3_000);
  it.facts.splice(
    0,
    it.facts.findIndex((fact) => 'recording' in fact),
  );
  expect(it.facts[0]).toMatchObject({ recording: '/dev/full', error: expect.stringContaining('ENOSPC') });
  expect(it.sent.length).toBe(150);
});

import { expect, test } from '@jest/globals';
import { createWeather } from '../../test/kit/network.ts';
import { rms } from '../../test/kit/voice.ts';
import { createJitterBuffer, type JitterBuffer } from './jitter-buffer.ts';

/** A packet whose samples all equal its number, so that each can be identified. */
const packet = (nth: number, { ssrc = 1, timestamp = nth * 160, ms = 20, marker = false } = {}) => ({
  ssrc,
  timestamp: timestamp >>> 0,
  marker,
  samples: new Int16Array(ms * 8).fill(nth + 1),
});
interface Arrival {
  readonly atMs: number;
  readonly audio: ReturnType<typeof packet>;
}
/** Plays arrivals on a clock of 20 ms from zero; returns the first sample of each frame, and the buffer. */
function play(arrivals: readonly Arrival[], untilMs: number, buffer: JitterBuffer = createJitterBuffer()) {
  const waiting = [...arrivals].sort((a, b) => a.atMs - b.atMs);
  const frames: (Int16Array | null)[] = [];
  for (let now = 0; now < untilMs; now += 20) {
    for (let next = waiting[0]; next !== undefined && next.atMs <= now; next = waiting[0]) {
      waiting.shift();
      buffer.insert(next.audio, next.atMs);
    }
    frames.push(buffer.pull(now));
  }
  return { frames, buffer };
}
const regular = (count: number, from = 0): Arrival[] =>
  Array.from({ length: count }, (_, nth) => ({ atMs: (from + nth) * 20, audio: packet(from + nth) }));
/** Numbers of the played packets in order, ignoring up to 4 ms that may be blended with earlier audio. */
const whole = (frames: readonly (Int16Array | null)[], ms = 20) => {
  const samples = frames.flatMap((frame) => [...(frame ?? [])]);
  const counts = new Map<number, number>();
  for (const sample of samples) counts.set(sample, (counts.get(sample) ?? 0) + 1);
  return [...counts].filter(([sample, count]) => sample > 0 && count >= ms * 8 - 40).map(([sample]) => sample - 1);
};
const upTo = (count: number) => Array.from({ length: count }, (_, nth) => nth);

test('audio on a quiet line is played whole after 40 ms', () => {
  const { frames, buffer } = play(regular(50), 1_100);
  expect(whole(frames)).toEqual(upTo(50));
  expect(frames.findIndex((frame) => frame?.includes(1))).toBe(2);
  expect(buffer.stats()).toMatchObject({ delayMs: 40, late: 0 });
});
test('a sequence of timestamps that wraps is played on', () => {
  const first = 0xffff_ffff - 10 * 160;
  const arrivals = upTo(40).map((nth) => ({ atMs: nth * 20, audio: packet(nth, { timestamp: first + nth * 160 }) }));
  expect(whole(play(arrivals, 1_000).frames)).toEqual(upTo(40));
});
test('packets out of order, and twice, are played once and in order', () => {
  const arrivals = regular(40).flatMap(({ atMs, audio }, nth) => [
    { atMs: atMs + (nth % 4 === 1 ? 25 : 0), audio },
    { atMs: atMs + 30, audio },
  ]);
  const { frames, buffer } = play(arrivals, 1_000);
  expect(whole(frames)).toEqual(upTo(40));
  expect(buffer.stats().duplicates).toBeGreaterThan(10);
});
test('jitter of 80 ms deepens the buffer within 120 ms, and little is late from then on', () => {
  const weather = createWeather({ seed: 3, jitterMs: 80 });
  const arrivals = regular(500).map(({ atMs, audio }) => ({ atMs: atMs + (weather()[0] ?? 0), audio }));
  const { frames, buffer } = play(arrivals, 10_200);
  expect(buffer.stats().delayMs).toBeGreaterThan(75);
  expect(buffer.stats().delayMs).toBeLessThanOrEqual(120);
  expect(whole(frames).filter((nth) => nth >= 50).length).toBeGreaterThan(440);
});
test('after the jitter the delay shrinks again', () => {
  const weather = createWeather({ seed: 3, jitterMs: 80 });
  const arrivals = regular(1_500).map(({ atMs, audio }, nth) => ({ atMs: atMs + (nth < 300 ? (weather()[0] ?? 0) : 0), audio }));
  const { frames, buffer } = play(arrivals, 30_000);
  expect(buffer.stats().delayMs).toBe(40);
  const last = frames.at(-1)?.[0] ?? 0;
  expect(1_500 - last).toBeLessThanOrEqual(3);
});
test.each([10, 30, 60])('packets of %i ms are played whole', (ms) => {
  const arrivals = upTo(30).map((nth) => ({ atMs: nth * ms, audio: packet(nth, { timestamp: nth * ms * 8, ms }) }));
  const { frames } = play(arrivals, 30 * ms + 200);
  expect(whole(frames, ms)).toEqual(upTo(30));
});

test.each([
  ['up by 20 s', 160_000],
  ['down by 20 s', -160_000],
  ['by half the range', 0x8000_0000],
])('timestamps that leap %s are heard again within 100 ms', (_, leap) => {
  const after = regular(50, 50).map(({ atMs, audio }) => ({ atMs, audio: { ...audio, timestamp: (audio.timestamp + leap) >>> 0 } }));
  const { frames } = play([...regular(50), ...after], 2_200);
  const heard = frames.findIndex((frame) => frame?.some((sample) => sample >= 51 && sample <= 52));
  expect(heard * 20 - 1_000).toBeLessThanOrEqual(100);
  expect(whole(frames).filter((nth) => nth >= 50).length).toBeGreaterThanOrEqual(49);
});
test('a new source is heard within 100 ms, whatever its timestamps', () => {
  const after = upTo(50).map((nth) => ({ atMs: 1_000 + nth * 20, audio: packet(50 + nth, { ssrc: 2, timestamp: 7 + nth * 160 }) }));
  const { frames } = play([...regular(50), ...after], 2_200);
  expect(frames.findIndex((frame) => frame?.includes(51)) * 20 - 1_000).toBeLessThanOrEqual(60);
  expect(whole(frames).filter((nth) => nth >= 50)).toHaveLength(50);
});
test('a single packet with a wild timestamp changes nothing', () => {
  const arrivals = [...regular(50), { atMs: 500, audio: packet(900, { timestamp: 0x7123_4567 }) }];
  const { frames, buffer } = play(arrivals, 1_100);
  expect(whole(frames)).toEqual(upTo(50));
  expect(buffer.stats().restarts).toBe(0);
});
test('silence without packets is silence, and what follows comes in its time', () => {
  const arrivals = [...regular(25), ...regular(25, 100)];
  const { frames, buffer } = play(arrivals, 2_600);
  expect(whole(frames)).toEqual([...upTo(25), ...upTo(25).map((nth) => 100 + nth)]);
  expect(frames[102]?.[80]).toBe(101);
  expect(frames.slice(40, 100).every((frame) => rms(frame as Int16Array) === 0)).toBe(true);
  expect(buffer.stats().restarts).toBe(0);
});
test('comfort noise fills the silence at its level until audio comes', () => {
  const buffer = createJitterBuffer({ random: Math.random });
  for (const { audio, atMs } of regular(10)) buffer.insert(audio, atMs);
  buffer.insertNoise({ ssrc: 1, timestamp: 10 * 160, levelDb: -40 }, 200);
  const { frames } = play(regular(10, 60), 1_500, buffer);
  const level = 20 * Math.log10(rms(frames[40] as Int16Array));
  expect(level).toBeGreaterThan(-42);
  expect(level).toBeLessThan(-38);
  expect(frames[62]?.every((sample) => sample === 61)).toBe(true);
});
test.each([200, -200])('a clock that is off by %i ppm is measured, and no packet is lost to it', (ppm) => {
  const arrivals = upTo(3_500).map((nth) => ({ atMs: nth * 20 * (1 - ppm / 1e6), audio: packet(nth) }));
  const { frames, buffer } = play(arrivals, 69_000);
  expect(Math.abs((buffer.stats().driftPpm ?? 0) - ppm)).toBeLessThan(30);
  expect(whole(frames).length).toBeGreaterThan(3_440);
  expect(buffer.stats().late).toBe(0);
});
test('packets that waited in a busy process are played without deepening the buffer', () => {
  const buffer = createJitterBuffer();
  play(regular(25), 500, buffer);
  for (const { audio } of regular(12, 25)) buffer.insert({ ...audio, isTimely: false } as never, 750);
  const frames = Array.from({ length: 12 }, (_, nth) => buffer.pull(500 + nth * 20));
  expect(whole(frames).length).toBeGreaterThanOrEqual(11);
  expect(buffer.stats()).toMatchObject({ delayMs: 40, restarts: 0 });
});

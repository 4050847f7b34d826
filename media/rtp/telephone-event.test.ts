import { expect, test } from '@jest/globals';
import { createDigits } from './digits.ts';
import { createEventReceiver, createEventSender } from './telephone-event.ts';

const event = (digit: number, duration: number, isEnd = false) => Uint8Array.of(digit, isEnd ? 0x8a : 0x0a, duration >> 8, duration & 0xff);
const packet = (timestamp: number, payload: Uint8Array, ssrc = 1) => ({ ssrc, timestamp, payload });

test('a press is one key, with its repeats, its three ends and the late ones among them', () => {
  const receiver = createEventReceiver();
  const packets = [160, 320, 480, 800, 800, 800].map((duration, nth) => packet(1_000, event(5, duration, nth > 2)));
  expect(packets.map(receiver.packet)).toEqual(['5', null, null, null, null, null]);
  expect(receiver.packet(packet(3_000, event(5, 160)))).toBe('5');
  expect(receiver.packet(packet(1_000, event(5, 800, true)))).toBeNull();
});
test('a press of which only an end arrives is a key, also after the timestamp has wrapped', () => {
  const receiver = createEventReceiver();
  expect(receiver.packet(packet(0xffff_ff00, event(1, 800, true)))).toBe('1');
  expect(receiver.packet(packet(0x0000_0100, event(11, 800, true)))).toBe('#');
});
test('a press of more than eight seconds is one key, though it takes two timestamps', () => {
  const receiver = createEventReceiver();
  expect(receiver.packet(packet(1_000, event(7, 0xffff)))).toBe('7');
  expect(receiver.packet(packet(1_000 + 0xffff, event(7, 160)))).toBeNull();
});
test('what is no key, and what is too short, is nothing', () => {
  const receiver = createEventReceiver();
  expect(receiver.packet(packet(1, event(16, 160)))).toBeNull();
  expect(receiver.packet(packet(2, Uint8Array.of(5, 0x8a)))).toBeNull();
});

test('a key that is sent is 100 ms, its first packet marked, its end sent three times, and a pause before the next', () => {
  const sender = createEventSender();
  sender.send('5z#');
  const frames = Array.from({ length: 24 }, (_, nth) => sender.next(8_000 + nth * 160, 160));
  expect(frames.slice(0, 7)).toEqual(
    [160, 320, 480, 640, 800, 800, 800].map((duration, nth) => ({
      payload: event(5, duration, nth > 3),
      timestamp: 8_000,
      marker: nth === 0,
    })),
  );
  expect(frames.slice(7, 11)).toEqual([null, null, null, null]);
  expect(frames[11]).toEqual({ payload: event(11, 160), timestamp: 8_000 + 11 * 160, marker: true });
  expect(frames.at(-1)).toBeUndefined();
  const receiver = createEventReceiver();
  expect(frames.flatMap((frame) => (frame ? (receiver.packet({ ssrc: 1, ...frame }) ?? []) : [])).join('')).toBe('5#');
});

test('one press that arrives by two ways is one, and two presses by both are two', () => {
  const digits = createDigits();
  const reports = [
    ['5', 'rfc4733', 0],
    ['5', 'info', 80],
    ['5', 'inband', 90],
    ['5', 'rfc4733', 300],
    ['5', 'info', 380],
    ['6', 'info', 400],
    ['5', 'inband', 2_000],
  ] as const;
  expect(reports.map(([digit, by, atMs]) => digits.isNew(digit, by, atMs))).toEqual([true, false, false, true, false, true, true]);
});

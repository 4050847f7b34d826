import { expect, test } from '@jest/globals';
import { frameBytes } from './audio-format.ts';
import { createFrameQueue } from './frame-queue.ts';

function fixture() {
  const played: string[] = [];
  const queue = createFrameQueue((id, ms) => void played.push(`${id} ${ms}`));
  return { played, queue };
}
const audio = (bytes: number, byte = 1) => new Uint8Array(bytes).fill(byte);

test('a chunk is reported when its last frame was played, not when it was taken', () => {
  const { played, queue } = fixture();
  queue.play('a', audio(320));
  expect([queue.next()?.length, queue.next()?.length, [...played]]).toEqual([frameBytes, frameBytes, []]);
  expect(queue.next()).toBeNull();
  expect(played).toEqual(['a 40']);
});

test('chunks follow each other without a gap inside a frame, and the last one is filled with silence', () => {
  const { played, queue } = fixture();
  queue.play('a', audio(100, 1));
  queue.play('b', audio(100, 2));
  const frames = [queue.next(), queue.next()].map((frame) => [...(frame ?? [])]);
  expect(frames).toEqual([
    [...audio(100, 1), ...audio(60, 2)],
    [...audio(40, 2), ...audio(120, 0xff)],
  ]);
  expect(played).toEqual(['a 13']);
  queue.next();
  expect(played).toEqual(['a 13', 'b 13']);
});

test('a mark comes after everything before it, and at once when nothing is queued', () => {
  const { played, queue } = fixture();
  queue.play('a', audio(160));
  queue.mark('end');
  queue.next();
  expect(played).toEqual([]);
  queue.next();
  expect(played).toEqual(['a 20', 'end 0']);
  queue.mark('empty');
  expect(queue.next()).toBeNull();
  expect(played.at(-1)).toBe('empty 0');
});

test('what is cleared is reported with the time that was heard of it', () => {
  const { played, queue } = fixture();
  queue.play('a', audio(800));
  queue.play('b', audio(800));
  queue.mark('end');
  queue.next();
  queue.next();
  queue.clear();
  expect(played).toEqual(['a 40', 'b 0', 'end 0']);
  expect(queue.next()).toBeNull();
});

test('more than two minutes are refused and what was queued is played', () => {
  const { played, queue } = fixture();
  queue.play('a', audio(960_000));
  expect(() => queue.play('b', audio(1))).toThrow(expect.objectContaining({ reason: 'too_much_audio' }));
  for (let n = 0; n < 6_001; n += 1) queue.next();
  expect(played).toEqual(['a 120000']);
});

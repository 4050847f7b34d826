import { expect, test } from '@jest/globals';
import { createReception, meanOpinion } from './reception.ts';

const packet = (sequence: number, ssrc = 1) => ({ ssrc, sequence: sequence & 0xffff, timestamp: (sequence * 160) >>> 0 });

test('losses are counted over a wrap of the sequence, and a repeat is no gain', () => {
  const reception = createReception();
  for (let nth = 65_500; nth < 65_600; nth += 1) if (nth % 10 !== 3) reception.packet(packet(nth), nth * 20);
  expect(reception.counts()).toMatchObject({ received: 90, lost: 10, highestSequence: 65_599, jitter: 0 });
  expect(reception.sinceLast().lost).toBe(10);
  reception.packet(packet(65_600), 65_600 * 20);
  expect(reception.sinceLast()).toEqual({ fraction: 0, lost: 0 });
});
test('jitter is the mean deviation of RFC 3550, not the loss', () => {
  const reception = createReception();
  for (let nth = 0; nth < 500; nth += 1) reception.packet(packet(nth), nth * 20 + (nth % 2) * 10);
  expect(reception.counts().jitter).toBeGreaterThan(75);
  expect(reception.counts().jitter).toBeLessThan(81);
});
test('a new source begins at zero', () => {
  const reception = createReception();
  for (let nth = 0; nth < 10; nth += 1) reception.packet(packet(2 * nth), nth * 20);
  reception.packet(packet(30, 2), 400);
  expect(reception.counts()).toMatchObject({ ssrc: 2, received: 1, lost: 0 });
});
test('the opinion is 4.4 on a clear line, and falls with loss and delay', () => {
  expect(meanOpinion({ delayMs: 20, loss: 0 })).toBeGreaterThan(4.35);
  expect(meanOpinion({ delayMs: 20, loss: 0.05 })).toBeLessThan(4.1);
  expect(meanOpinion({ delayMs: 400, loss: 0 })).toBeLessThan(3.9);
  expect(meanOpinion({ delayMs: 100, loss: 1 })).toBeLessThan(1.2);
});

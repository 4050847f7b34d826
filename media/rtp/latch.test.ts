import { expect, test } from '@jest/globals';
import { createLatch, type Endpoint } from './latch.ts';

const at = (port: number, address = '127.0.0.1'): Endpoint => ({ address, port });
const [signalled, nat, stranger] = [at(4_000, '10.0.0.5'), at(5_000), at(6_000)];
const packets = (from: Endpoint, count: number, first = 100) =>
  Array.from({ length: count }, (_, nth) => [from, { ssrc: from.port, sequence: first + nth }] as const);
const accepted = (latch: ReturnType<typeof createLatch>, list: ReturnType<typeof packets>) =>
  list.map((each) => latch.accepts(...each)).filter(Boolean).length;

test('before anything arrives audio goes to the signalled address', () => {
  const latch = createLatch();
  expect(latch.target()).toBeNull();
  latch.expect(signalled);
  expect(latch.target()).toEqual(signalled);
});
test('a peer behind a NAT is taken after three packets in sequence', () => {
  const latch = createLatch();
  latch.expect(signalled);
  expect(accepted(latch, packets(nat, 2))).toBe(0);
  expect(latch.target()).toEqual(signalled);
  expect(accepted(latch, packets(nat, 3, 102))).toBe(3);
  expect(latch.target()).toEqual(nat);
});
test('a third source never moves it, also with packets in sequence', () => {
  const latch = createLatch();
  latch.expect(signalled);
  accepted(latch, packets(nat, 3));
  expect(accepted(latch, packets(stranger, 1_000))).toBe(0);
  expect(latch.target()).toEqual(nat);
});
test('packets out of sequence, and of many sources at once, pass no probation', () => {
  const latch = createLatch();
  latch.expect(signalled);
  expect([7, 3, 900, 5].map((sequence) => latch.accepts(stranger, { ssrc: 1, sequence }))).toEqual([false, false, false, false]);
  const many = Array.from({ length: 300 }, (_, nth) =>
    latch.accepts(at(7_000 + (nth % 100)), { ssrc: 1, sequence: Math.floor(nth / 100) }),
  );
  expect(many).not.toContain(true);
});
test('the signalled address wins over one that was only first, and then stays', () => {
  const latch = createLatch();
  latch.expect(signalled);
  accepted(latch, packets(stranger, 5));
  expect(accepted(latch, packets(signalled, 1))).toBe(1);
  expect(latch.target()).toEqual(signalled);
  expect(accepted(latch, packets(stranger, 5, 105))).toBe(0);
});
test('after a re-INVITE the first of the addresses that are known is taken, and the other one no more', () => {
  const latch = createLatch();
  latch.expect(signalled);
  accepted(latch, packets(nat, 3));
  latch.expect(signalled);
  expect(accepted(latch, packets(signalled, 1))).toBe(1);
  expect(accepted(latch, packets(nat, 3, 103))).toBe(0);
});
test('a re-INVITE lets the peer move once more; until it does audio goes where it went', () => {
  const latch = createLatch();
  latch.expect(signalled);
  accepted(latch, packets(nat, 3));
  latch.expect(signalled);
  expect(latch.target()).toEqual(nat);
  const moved = at(5_002);
  expect(accepted(latch, packets(moved, 3))).toBe(1);
  expect(latch.target()).toEqual(moved);
  latch.expect(at(4_444));
  expect(latch.target()).toEqual(at(4_444));
});

import { expect, test } from '@jest/globals';
import { createRing, maskDigits } from './records.ts';

const call = (n: number) => ({ at: n, traceId: String(n).padStart(32, '0'), spanId: '', parentId: '', from: 'till', key: '' });

test('the ring keeps the newest records, oldest first, and a generated span id stays', () => {
  const ring = createRing('shop', 'i1', 4);
  expect(ring.read()).toEqual([]);
  for (let n = 1; n <= 6; n += 1) ring.add(call(n), 'server', 'shop.add', n, 'ok', undefined);
  const first = ring.read();
  expect(first.map(({ at }) => at)).toEqual([3, 4, 5, 6]);
  expect(first[0]).toMatchObject({
    ms: 3,
    side: 'server',
    address: 'shop.add',
    caller: 'till',
    service: 'shop',
    instance: 'i1',
    code: 'ok',
    parentId: '',
  });
  expect(first[0]?.spanId).toMatch(/^[0-9a-f]{16}$/);
  expect(ring.read()).toEqual(first);
  expect(ring.last()).toEqual(first[3]);
  expect(ring.read({ traceId: '5'.padStart(32, '0') }).map(({ at }) => at)).toEqual([5]);
  expect(ring.read({ sinceMs: 5 }).map(({ at }) => at)).toEqual([5, 6]);
});

test('a reused slot keeps no field of its former record', () => {
  const ring = createRing('shop', 'i1', 1);
  ring.add(
    { ...call(1), from: 'a-long-name-of-a-caller', spanId: 'a'.repeat(16), parentId: 'b'.repeat(16), key: 'k' },
    'client',
    'shop.add',
    1,
    'internal',
    'bad_output',
  );
  expect(ring.last()).toMatchObject({
    caller: 'a-long-name-of-a-caller',
    spanId: 'a'.repeat(16),
    parentId: 'b'.repeat(16),
    key: 'k',
    reason: 'bad_output',
  });
  ring.add({ ...call(2), from: 'b' }, 'client', 'shop.add', 1, 'ok', undefined);
  const last = ring.last();
  expect(last).toMatchObject({ caller: 'b', parentId: '', traceId: call(2).traceId });
  expect('key' in last || 'reason' in last).toBe(false);
});

test('ids that are not hex read as empty, and phone numbers in keys are masked', () => {
  const ring = createRing('shop', 'i1', 2);
  ring.add(
    { ...call(1), traceId: '\u001b[31m'.padEnd(32, 'x'), from: 'x'.repeat(200), key: 'lead +7 (999) 555-33-22' },
    'server',
    'shop.add',
    1,
    'ok',
    undefined,
  );
  expect(ring.last()).toMatchObject({ traceId: '', caller: 'x'.repeat(64), key: 'lead ***3322' });
});

test('digits of phone length lose their middle, shorter ones stay', () => {
  expect(maskDigits('order 1234')).toBe('order 1234');
  expect(maskDigits('89995553322')).not.toContain('99555');
});

import { expect, test } from '@jest/globals';
import type { MediaFact } from '../../adapters/telephony/port.ts';
import { createMediaQueue } from './media-queue.ts';

const signal = AbortSignal.timeout(60_000);
const frame = (n: number) => new Uint8Array(160).fill(n);
async function all(items: AsyncIterable<Uint8Array | MediaFact>) {
  const seen: (number | MediaFact)[] = [];
  for await (const item of items) seen.push(item instanceof Uint8Array ? (item[0] as number) : item);
  return seen;
}

test('a listener that does not listen for a while loses the oldest audio and no fact', async () => {
  let dropped = 0;
  const queue = createMediaQueue(() => (dropped += 1));
  queue.fact({ played: 'a', ms: 20 });
  for (let n = 0; n < 60; n += 1) queue.frame(frame(n));
  queue.fact({ dtmf: '5' });
  queue.close();
  expect(await all(queue.items(signal))).toEqual([{ played: 'a', ms: 20 }, ...Array.from({ length: 50 }, (_, n) => n + 10), { dtmf: '5' }]);
  expect(dropped).toBe(10);
});

test('what comes while the listener waits is given at once, and closing ends it after the last item', async () => {
  const queue = createMediaQueue(() => {});
  const reading = all(queue.items(signal));
  queue.frame(frame(1));
  await new Promise((resolve) => setImmediate(resolve));
  queue.fact({ held: true });
  queue.close();
  expect(await reading).toEqual([1, { held: true }]);
});

test('a listener that takes no facts is dropped', async () => {
  const queue = createMediaQueue(() => {});
  for (let n = 0; n < 2_100; n += 1) queue.fact({ lost: n });
  await expect(all(queue.items(signal))).rejects.toMatchObject({ reason: 'too_slow' });
});

test('an aborted listener stops waiting', async () => {
  const stop = new AbortController();
  const reading = all(createMediaQueue(() => {}).items(stop.signal));
  stop.abort();
  expect(await reading).toEqual([]);
});

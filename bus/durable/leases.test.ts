import { afterEach, expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { until } from '../../test/kit/world.ts';
import { bindLease, type Leases, leases, mayLeave } from './leases.ts';

let held: Leases;
afterEach(() => held.stop());
const all = (tokens: readonly string[]) => tokens.map((token) => ({ token, isRenewed: true }));
const leasesOf = (renew: (tokens: readonly string[]) => Promise<ReturnType<typeof all>> = async (tokens) => all(tokens)) => {
  held = leases({ journal: { renew }, leaseMs: 60_000, renewMs: 10, log: quiet });
  return held;
};

test('a lease counts from the sending of the statement that acquired it, however late the reply', () => {
  const { hold } = leasesOf();
  const prompt = hold('prompt', performance.now());
  const slow = hold('slow', performance.now() - 46_000);
  expect(prompt.isFresh).toBe(true);
  expect(slow.isFresh).toBe(false);
});

test('a renewed lease is fresh again', async () => {
  const renewed = Promise.withResolvers<void>();
  const { hold } = leasesOf(async (tokens) => {
    setImmediate(renewed.resolve);
    return all(tokens);
  });
  const lease = hold('token', performance.now() - 59_000);
  expect(lease.isFresh).toBe(false);
  await renewed.promise;
  expect(lease.isFresh).toBe(true);
});

test('requests with the signal of an attempt may be sent only while its lease is fresh; others always may', () => {
  const { hold } = leasesOf();
  const [fresh, stale, free] = [new AbortController().signal, new AbortController().signal, new AbortController().signal];
  bindLease(fresh, hold('fresh', performance.now()));
  bindLease(stale, hold('stale', performance.now() - 46_000));
  expect([fresh, stale, free].map(mayLeave)).toEqual([true, false, true]);
});

test('the lease of a locked row is lost only once it has run out', async () => {
  let renewals = 0;
  const { hold } = leasesOf(async (tokens) => {
    renewals += 1;
    return tokens.map((token) => ({ token, isRenewed: false }));
  });
  const [whole, over] = [hold('whole', performance.now()), hold('over', performance.now() - 61_000)];
  await until(() => renewals > 1 || null);
  expect([whole.lost.aborted, over.lost.aborted]).toEqual([false, true]);
});

import { describe, expect, test } from '@jest/globals';
import { PolybError } from '../../contracts/kit/errors.ts';
import { callDeadline, deadlineOf } from './deadline.ts';
import { retryDelay } from './retry.ts';

describe('a deadline', () => {
  const now = 1_000_000;
  test.each([
    ['the method’s time when the caller gives none', { timeoutMs: 0, sentAt: 0 }, now + 1000],
    ['the caller’s when it is shorter', { timeoutMs: 300, sentAt: 0 }, now + 300],
    ['the method’s when the caller asks for more', { timeoutMs: 5000, sentAt: 0 }, now + 1000],
    ['counted from sending, plus what the clocks may differ', { timeoutMs: 300, sentAt: now - 290 }, now - 290 + 300 + 250],
    ['never later than from arrival', { timeoutMs: 300, sentAt: now - 100 }, now + 300],
    ['from arrival when the caller’s clock is ahead', { timeoutMs: 300, sentAt: now + 60_000 }, now + 300],
    ['over when it was sent too long ago', { timeoutMs: 300, sentAt: now - 551 }, now - 1],
  ])('is %s', (_, given, expected) => {
    expect(deadlineOf(1000, given, now, 250)).toBe(expected);
  });
  test('of a caller is the least of the method’s, its own and that of an outer call', () => {
    expect(callDeadline(1000, undefined, Number.POSITIVE_INFINITY, now)).toBe(now + 1000);
    expect(callDeadline(1000, 10.5, Number.POSITIVE_INFINITY, now)).toBe(now + 11);
    expect(callDeadline(1000, 5000, now + 70, now)).toBe(now + 70);
  });
});

describe('a retry', () => {
  const at = 1_000_000;
  const read = { idempotency: 'read', key: '', attempts: 1, at } as const;
  const keyed = { ...read, idempotency: 'keyed' } as const;
  const delay = (error: PolybError, call: Parameters<typeof retryDelay>[1] = read, now = at): number | undefined =>
    retryDelay(error, call, now, 2000);
  const of = (code: PolybError['code'], details = {}): PolybError => new PolybError(code, 'x', details);

  test('follows a request that was not executed, no earlier than its retry delay', () => {
    expect(delay(of('unavailable'), keyed)).toBeGreaterThan(0);
    for (let n = 0; n < 50; n += 1) expect(delay(of('resource_exhausted', { retryAfterMs: 40 }), keyed)).toBeGreaterThanOrEqual(40);
    expect(delay(of('resource_exhausted', { retryAfterMs: 40 }), keyed)).toBeLessThanOrEqual(60);
  });
  test('of a keyed method with an unknown outcome needs its key', () => {
    expect(delay(of('upstream_failed'), keyed)).toBeUndefined();
    expect(delay(of('unavailable', { outcome: 'unknown' }), keyed)).toBeUndefined();
    expect(delay(of('upstream_failed'), { ...keyed, key: 'k' })).toBeDefined();
    expect(delay(of('upstream_failed', { outcome: 'not_executed' }), keyed)).toBeDefined();
    expect(delay(of('upstream_failed'), { ...read, idempotency: 'idempotent' })).toBeDefined();
  });
  test('of a request with an unknown outcome ends after three requests', () => {
    expect(delay(of('upstream_failed'), { ...read, attempts: 2 })).toBeDefined();
    expect(delay(of('upstream_failed'), { ...read, attempts: 3 })).toBeUndefined();
  });
  test.each([
    'invalid_argument',
    'permission_denied',
    'not_found',
    'conflict',
    'failed_precondition',
    'internal',
    'cancelled',
    'unimplemented',
  ] as const)('never comes for %s', (code) => {
    expect(delay(of(code))).toBeUndefined();
  });
  test.each(['not_connected', 'connection_lost', 'pending'])('never comes for the reason %s', (reason) => {
    expect(delay(of('unavailable', { reason }))).toBeUndefined();
    expect(delay(of('upstream_failed', { reason }))).toBeUndefined();
  });
  test('without a responder ends after the configured time', () => {
    const nobody = of('unavailable', { reason: 'no_responders' });
    expect(delay(nobody, read, at + 1000)).toBeDefined();
    expect(delay(nobody, read, at + 1990)).toBeUndefined();
    expect(retryDelay(nobody, read, at, 0)).toBeUndefined();
  });
});

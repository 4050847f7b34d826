import { expect, test } from '@jest/globals';
import { booking as bookingContract } from '../../../contracts/booking.ts';
import { crm as contract } from '../../../contracts/crm.ts';
import { bookingAdapters } from '../../booking/index.ts';
import { crmAdapters } from '../../crm/index.ts';
import type { Deps } from '../../deps.ts';

const { signal } = new AbortController();
const at = { ref: 'r1', signal };
const refusal = { name: 'PolybError', code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' };
/** Fails at any use: DIKIDI is never asked. */
const deps = new Proxy({}, { get: (_, name) => expect(name).toBe('nothing of the dependencies') }) as Deps;

test('DIKIDI as a CRM refuses every method as unsupported, uses nothing, and says so in its capabilities', async () => {
  const crm = crmAdapters.dikidi.create({}, deps);
  const { methods } = contract.capabilities.output.parse(crm.capabilities());
  expect(new Set(Object.values(methods))).toEqual(new Set(['unsupported']));
  const { capabilities: _, consent, webhooks, ...port } = crm;
  expect([consent, webhooks]).toEqual([undefined, undefined]);
  expect(Object.keys(port).length).toBeGreaterThan(0);
  for (const part of Object.values(port)) {
    const call = typeof part === 'function' ? part : part.attempt;
    await expect((call as (...given: unknown[]) => Promise<unknown>)('x', at, signal)).rejects.toMatchObject(refusal);
    if (typeof part !== 'function') expect(part.onUnknown).toEqual({ do: 'review' });
  }
});

test('DIKIDI as a booking system refuses every method as unsupported, uses nothing, and says so in its capabilities', async () => {
  const booking = bookingAdapters.dikidi.create({}, deps);
  const { methods } = bookingContract.capabilities.output.parse(booking.capabilities());
  expect(new Set(Object.values(methods))).toEqual(new Set(['unsupported']));
  const { capabilities: _, webhooks, ...port } = booking;
  expect(webhooks).toBeUndefined();
  for (const part of Object.values(port)) {
    const call = typeof part === 'function' ? part : 'attempt' in part ? part.attempt : part.get;
    await expect((call as (...given: unknown[]) => Promise<unknown>)('x', at, signal)).rejects.toMatchObject(refusal);
  }
});

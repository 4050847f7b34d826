import { expect, test } from '@jest/globals';
import type { Call } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { companyFacts } from './company.ts';

test('a booking system that is away is waited for within the time that a customer has, and asked again after ten seconds, not in every turn', async () => {
  let clock = 0;
  const asked: (number | undefined)[] = [];
  const answers = { services: null as readonly object[] | null };
  const call = (async (method: unknown, _input: unknown, options?: { readonly timeoutMs?: number }) => {
    if (method !== booking.list_services) return { company: null };
    asked.push(options?.timeoutMs);
    if (answers.services === null) throw new PolybError('unavailable', 'the booking system does not answer');
    return { services: answers.services };
  }) as unknown as Call;
  const facts = companyFacts({ connection: 'main', timeZone: 'Europe/Moscow', now: () => clock });
  expect((await facts(call)).isReachable).toBe(false);
  clock = 9_999;
  expect((await facts(call)).isReachable).toBe(false);
  expect(asked).toEqual([4_000]);
  answers.services = [];
  clock = 10_000;
  expect((await facts(call)).isReachable).toBe(true);
  clock = 69_999;
  await facts(call);
  expect(asked).toHaveLength(2);
  clock = 70_000;
  await facts(call);
  expect(asked).toHaveLength(3);
});

import { expect, test } from '@jest/globals';
import { z } from 'zod';
import type { PolybError } from '../../contracts/kit/errors.ts';
import { validInput } from './validate.ts';

const schema = z.strictObject({ leadId: z.string().max(20), kind: z.enum(['a', 'b']) });
function refusal(given: unknown): string {
  try {
    validInput('shop.add', schema, given);
  } catch (thrown) {
    const { message, data } = thrown as PolybError; // nothing else is thrown
    return `${message} ${JSON.stringify(data)}`;
  }
  throw new Error('it was let through');
}
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary';
const further = 'x'.repeat(60);

test.each([
  ['8 (999) 555-33-22', /999|555/],
  [`lead of +7${'\u00a0'}999${'\u00a0'}555-33-22`, /999|555/],
  [token, /hbGci|canary/],
  [`{"password":"canary ${further}"}`, /canary/],
  ['pk_abcdefgh.canary0123456789abcdef', /canary/],
  [`7312345678:AAEh_${further}`, /AAEh/],
])('a refusal repeats no phone and no credential of the input: %s', (secret, canary) => {
  for (const given of [
    { leadId: secret.padEnd(21), kind: 'a' },
    { leadId: 'l', kind: secret },
    { leadId: 'l', kind: 'a', [secret]: 1 },
    { leadId: { [secret]: secret }, kind: [secret] },
    secret,
  ])
    expect(refusal(given)).not.toMatch(canary);
});

test('an error quotes at most the first 40 characters of a long value', () => {
  expect(refusal({ leadId: further, kind: 'a' })).toContain(`"given":"${'x'.repeat(40)}…"`);
});

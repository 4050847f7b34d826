import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Phone } from '../../contracts/common.ts';
import { type DialPlan, dialled, dialPlanForm } from './dial-plan.ts';

test.each<[DialPlan, string, string]>([
  ['last:9', '+79995553322', '995553322'],
  ['last:7', '+79995553322', '5553322'],
  ['last:9', '+998901234567', '901234567'],
  ['national', '+79995553322', '89995553322'],
  ['national', '+77011234567', '87011234567'],
  ['national', '+4915112345678', '8104915112345678'],
  ['e164', '+79995553322', '+79995553322'],
])('%s dials %s as %s', (plan, phone, expected) => {
  expect(dialled(plan, phone)).toBe(expected);
});

test('a phone with fewer digits than the plan takes is refused and not shown', () => {
  expect(() => dialled('last:9', '+1234567')).toThrow(/^The dial plan last:9 needs 9 digits and the phone has 7/);
});

test('every phone of the contract is dialled as digits, with a plus only in e164', () => {
  const phones = fc.stringMatching(/^\+[1-9]\d{6,14}$/).filter((phone) => Phone.safeParse(phone).success);
  fc.assert(
    fc.property(phones, (phone) => {
      expect(dialled('national', phone)).toMatch(/^8\d+$/);
      expect(dialled('last:7', phone)).toMatch(/^\d{7}$/);
      expect(dialled('e164', phone)).toBe(phone);
    }),
  );
});

test.each(['last:4', 'last:16', 'last:', 'last:9 ', 'E164', 'last:09'])('%j is not a dial plan', (text) => {
  expect(dialPlanForm.test(text)).toBe(false);
});

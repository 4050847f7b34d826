import { expect, test } from '@jest/globals';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { advise, refusal, tell } from './failure.ts';

test('line 1 says subject, what happened and whether it was executed; then cause; then what to type', () => {
  const error = advise(new PolybError('deadline_exceeded', 'no reply in 2.0 s'), {
    subject: 'calls.start_call',
    next: ['polyb calls ls'],
  });
  expect(tell(error)).toEqual([
    'calls.start_call: no reply in 2.0 s (it MAY have been executed)',
    '    deadline_exceeded',
    '  polyb calls ls',
  ]);
});

test('a refusal before sending names fields as they are typed', () => {
  const error = refusal('invalid_argument', 'the input does not fit the contract', {
    subject: 'crm.push_to_crm',
    issues: [{ pointer: '/address/city', expected: 'a text', given: '7' }],
    next: ['polyb describe crm.push_to_crm'],
  });
  expect(tell(error)).toEqual([
    'crm.push_to_crm: the input does not fit the contract (nothing was sent)',
    '    address.city expected a text; got 7',
    '  polyb describe crm.push_to_crm',
  ]);
});

test('what a service found wrong is told in the same form', () => {
  const error = new PolybError('invalid_argument', 'Bad input for crm.push_to_crm: phoneNumber: expected E.164', {
    data: { issues: [{ pointer: '/phoneNumber', expected: 'E.164, e.g. +79995553322', given: '"12"' }] },
  });
  expect(tell(advise(error, { subject: 'crm.push_to_crm' }))).toEqual([
    'Bad input for crm.push_to_crm: phoneNumber: expected E.164 (it was not executed)',
    '    phoneNumber expected E.164, e.g. +79995553322; got "12"',
    '    invalid_argument',
  ]);
});

test('the data of an error is told: a line for each of the first items of a list, and plain values', () => {
  const slots = Array.from({ length: 7 }, (_, nth) => ({
    slotId: `s${nth}`,
    start: `2026-12-08T1${nth}:00:00+03:00`,
    serviceIds: ['haircut'],
    price: null,
  }));
  const error = new PolybError('conflict', 'The slot is not free any more.', {
    reason: 'slot_busy',
    data: { slots, field: 'slotId', rowId: 'row_1' },
  });
  expect(tell(error)).toEqual([
    'The slot is not free any more. (it was not executed)',
    ...slots.slice(0, 5).map(({ slotId, start }) => `    slots ${slotId}  ${start}`),
    '    field slotId',
    '    conflict, slot_busy',
  ]);
});

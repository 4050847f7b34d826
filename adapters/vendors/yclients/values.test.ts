import { expect, test } from '@jest/globals';
import { zoneOf } from '../../booking/zone.ts';
import { emailOf, idOf, instantOf, isMasked, minutesOf, numberOf, phoneOf } from './values.ts';

test.each([
  [79_990_001_122, '+79990001122'],
  ['79990001122', '+79990001122'],
  ['+79990001122', '+79990001122'],
  ['8 (999) 000-11-22', '+79990001122'],
  [13_155_550_175, '+13155550175'],
  ['8999555332', null],
  ['', null],
  [0, null],
  [null, null],
  ['7999***22', null],
  // The digits before the mask are a number of their own.
  ['+4930123456***', null],
])('the phone %p is %p', (stored, phone) => {
  expect(phoneOf(stored)).toBe(phone);
});

test('a masked address is unknown, and so is what is none', () => {
  expect(['a***@example.com', 'anna@example.com', '', null, 5].map(emailOf)).toEqual([null, 'anna@example.com', null, null, null]);
  expect(['a***@example.com', '***', 'anna', 5].map(isMasked)).toEqual([true, true, false, false]);
});

test.each([
  1_896_246_000,
  '1896246000',
  '2030-02-02 10:00:00',
  '2030-02-02T10:00',
  '2030-02-02T16:00:00+09:00',
  '2030-02-02T16:00:00+0900',
  '2030-02-02T07:00:00.000Z',
])('%p is ten in the morning in Moscow', (text) => {
  expect(instantOf(text, zoneOf('Europe/Moscow'))).toBe(Date.UTC(2030, 1, 2, 7));
});
test.each(['', 'tomorrow', '2030-13-45 10:00:00', null, 5, {}])('%p is no time', (text) => {
  expect(instantOf(text, zoneOf('Europe/Moscow'))).toBeNull();
});

test('numbers, also as text, seconds as minutes, and ids that are safe in a path', () => {
  expect(['1000.00', '-5', 7, '', 'x', null, Number.NaN].map(numberOf)).toEqual([1000, -5, 7, null, null, null, null]);
  expect(['2700', 3601, 0, '0', null].map(minutesOf)).toEqual([45, 61, null, null, null]);
  expect([5, '5', 0, '0', '1/../2', '-1', null, '5 '].map(idOf)).toEqual(['5', '5', null, null, null, null, null, null]);
});

import { expect, test } from '@jest/globals';
import { isPhone } from './phones.ts';

test.each([
  '+79995553322',
  '8 (999) 555-33-22',
  '79995553322',
  '9995553322',
  '007 999 555 33 22',
  '+7 999 555-33-22 ext. 104',
  '8-999-555-33-22, доб. 5',
])('%s is +79995553322', (stored) => {
  expect(isPhone(stored, '+79995553322')).toBe(true);
});

test.each(['+449995553322', '5553322', '+7999555332', '', '+799955533221', '1 79995553322'])('%s is not +79995553322', (stored) => {
  expect(isPhone(stored, '+79995553322')).toBe(false);
});

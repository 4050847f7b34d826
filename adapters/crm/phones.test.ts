import { expect, test } from '@jest/globals';
import { Phone } from '../../contracts/common.ts';
import { phoneSpellings } from './phone-spellings.ts';
import { isPhone, phoneCountry, phoneNumbersIn, toE164 } from './phones.ts';

const spellings = Object.values(phoneSpellings).flat();
const everyNumber = [...new Set(spellings.flatMap(({ numbers }) => numbers))];

test.each(spellings)('reads $numbers from "$written"', ({ written, numbers, country }) => {
  expect(phoneNumbersIn(written, country)).toEqual(numbers);
  expect(toE164(written, country)).toBe(numbers[0] ?? null);
});

test('matches each of at least 60 spellings with its own numbers and with no other number of the table', () => {
  expect(new Set(spellings.map(({ written }) => written)).size).toBeGreaterThanOrEqual(60);
  for (const { written, numbers, country } of spellings)
    expect([written, everyNumber.filter((number) => isPhone(written, number, country))]).toEqual([
      written,
      everyNumber.filter((number) => numbers.includes(number)),
    ]);
});

test('completes no mobile number that lost one of its digits', () => {
  for (const whole of ['89995553322', '8 (999) 555-33-22', '79995553322', '+79995553322', '7 (916) 123-45-67', '9995553322'])
    for (let at = 0; at < whole.length; at += 1) {
      if (!/\d/.test(whole[at] ?? '')) continue;
      const cut = whole.slice(0, at) + whole.slice(at + 1);
      // Without its first digit a number of eleven digits is the same number without its code.
      const isSame = at === 0 && whole.length > 10;
      expect([cut, phoneNumbersIn(cut)]).toEqual([cut, isSame ? phoneNumbersIn(whole) : []]);
    }
});

test('matches both people behind one switchboard', () => {
  for (const stored of ['+7 495 111-22-33 доб. 5', '84951112233#6']) expect(isPhone(stored, '+74951112233')).toBe(true);
});

test('reads a field of 100,000 characters within its first 500', () => {
  expect(phoneNumbersIn(`89995553322 ${'9 '.repeat(50_000)}`)).toEqual([]);
  expect(phoneNumbersIn(`89995553322; ${'x1'.repeat(50_000)}`)).toEqual(['+79995553322']);
});

test('the setting of the country takes ISO codes only, and is Russia by default', () => {
  expect([phoneCountry().parse(undefined), phoneCountry().parse('KZ')]).toEqual(['RU', 'KZ']);
  for (const wrong of ['ru', 'XX', 'Russia', '']) expect(phoneCountry().safeParse(wrong).success).toBe(false);
});

test.each([
  ['8 (999) 555-33-22', '+79995553322'],
  ['8 800 555-35-35', '+78005553535'],
  ['77011234567', '+77011234567'],
])('a contract takes %s for %s', (written, number) => {
  expect(Phone.parse(written)).toBe(number);
});

test.each(['8999555332', '78999555332', '81312345678', '7999555332', '9995553322'])('a contract refuses %s', (written) => {
  expect(Phone.safeParse(written).success).toBe(false);
});

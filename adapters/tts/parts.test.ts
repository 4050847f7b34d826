import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { partsOf } from './parts.ts';

test('a text is parted between sentences, and only a longer one within', () => {
  expect(partsOf('Добрый день! Вы записаны на 5 мая. Ждём вас, приходите.', 36)).toEqual([
    'Добрый день! Вы записаны на 5 мая.',
    'Ждём вас, приходите.',
  ]);
  expect(partsOf('Есть окно в десять, есть в двенадцать. Да?', 25)).toEqual(['Есть окно в десять,', 'есть в двенадцать. Да?']);
  expect(partsOf(' '.repeat(9), 5)).toEqual([]);
});

test('parts are never too long, and no letter is lost or repeated', () => {
  const text = fc.string({ unit: fc.constantFrom(...'абв .,!—\n'), maxLength: 400 });
  fc.assert(
    fc.property(text, fc.integer({ min: 3, max: 60 }), (whole, most) => {
      const parts = partsOf(whole, most);
      expect(parts.every((part) => part.length > 0 && part.length <= most)).toBe(true);
      expect(parts.join('').replace(/\s/g, '')).toBe(whole.replace(/\s/g, ''));
    }),
  );
});

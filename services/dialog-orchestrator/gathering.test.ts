import { expect, test } from '@jest/globals';
import { isWhole } from './gathering.ts';

test.each([
  ['Здравствуйте!', true],
  ['Хочу', false],
  ['на стрижку', false],
  ['Хочу на стрижку завтра', true],
  ['Ок 👍', true],
  ['Сколько?', true],
  ['', false],
])('«%s» is a whole sentence: %s', (text, expected) => expect(isWhole(text)).toBe(expected));

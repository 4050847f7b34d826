import { expect, test } from '@jest/globals';
import { onlyWritten, textsIn } from '../../../test/kit/wording.ts';
import { russianRules } from './rules.ts';

test('the agent of a call asks nobody to read, write or press', () => {
  expect(textsIn(russianRules).filter(([, text]) => onlyWritten.ru.test(text))).toEqual([]);
});

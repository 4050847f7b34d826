import { expect, test } from '@jest/globals';
import { onlySpoken, onlyWritten, textsIn } from '../../../test/kit/wording.ts';
import { en, enSpoken } from './phrases.en.ts';
import { ru, ruSpoken } from './phrases.ru.ts';

const args = { price: [{ name: 'X', price: '1 ₽', minutes: 60 }], own: [['X']] };
/** What customers read or hear; staff reads the reasons, and the marks are parts of the phrases. */
const forCustomers = ({ reasons: _reasons, marks: _marks, ...rest }: typeof ru) => textsIn(rest, args);
const languages = [['ru', ru, ruSpoken] as const, ['en', en, enSpoken] as const];

test.each(languages)('in calls the scripted agent asks nobody to read, write or press: %s', (language, written, spoken) => {
  expect(forCustomers({ ...written, ...spoken }).filter(([, text]) => onlyWritten[language].test(text))).toEqual([]);
});

test.each(languages)('in chats the scripted agent says nothing that only a caller can do: %s', (language, written, _spoken) => {
  expect(forCustomers(written).filter(([, text]) => onlySpoken[language].test(text))).toEqual([]);
});

test.each(languages)('the agent recognises its questions in both wordings: %s', (_, written, spoken) => {
  const { marks, askDay, askMove, slotsMove, whichCancel, callNeedsPhone, askName, askPhone, askNameAndPhone } = { ...written, ...spoken };
  const questions = [
    askDay('X'),
    askMove('X'),
    slotsMove('X'),
    whichCancel,
    callNeedsPhone,
    askName('X'),
    askPhone('X'),
    askNameAndPhone('X'),
  ];
  const { day, move, cancel, call, name, phone } = marks;
  expect([day, move, move, cancel, call, name, phone, name].filter((mark, nth) => !questions[nth]?.includes(mark))).toEqual([]);
});

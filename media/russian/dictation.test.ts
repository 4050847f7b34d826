import { expect, test } from '@jest/globals';
import { dictated, digitsOf, phoneOf } from './dictation.ts';

/** What each utterance leaves of the number: its digits so far, the whole phone, `excess`, or null if it says nothing of it. */
function tell(utterances: readonly string[], isExpected = true): readonly (string | null)[] {
  let groups: readonly string[] = [];
  return utterances.map((text) => {
    const heard = dictated(text, { groups, isExpected: isExpected || groups.length > 0 });
    if (heard === null) return null;
    groups = heard.groups;
    return heard.is === 'whole' ? phoneOf(groups) : heard.is === 'open' ? digitsOf(groups) : 'excess';
  });
}
const half = 'восемь девятьсот шестнадцать';
const rest = 'сто двадцать три сорок пять шестьдесят семь';
const whole = '+79161234567';

test.each<[what: string, utterances: readonly string[], heard: readonly (string | null)[]]>([
  ['two halves', [half, rest], ['8916', whole]],
  [
    'digit by digit',
    ['восемь', 'девять', 'один шесть', 'один два три', 'четыре пять', 'шесть', 'семь'],
    ['8', '89', '8916', '8916123', '891612345', '8916123456', whole],
  ],
  ['figures of a recogniser', ['8 916', '123-45-67'], ['8916', whole]],
  ['without the digit of the country', ['девятьсот шестнадцать', rest], ['916', whole]],
  ['with a plus', ['мой номер плюс семь девятьсот шестнадцать', rest], ['7916', whole]],
  ['the code of a town', ['четыреста девяносто пять', rest], ['495', '+74951234567']],
  [
    'courtesies and hesitation',
    [
      'да, записывайте, восемь девятьсот шестнадцать, секундочку',
      'так, сто двадцать три, один момент',
      'э сорок пять, потом шестьдесят семь, всё',
    ],
    ['8916', '8916123', whole],
  ],
  ['a number that is cut by a pause', ['восемь девятьсот', 'шестнадцать', rest], ['8900', '890016', whole]],
  [
    'a correction of the last group',
    [half, 'сто двадцать три сорок пять', 'нет, сорок шесть', 'шестьдесят семь'],
    ['8916', '891612345', '891612346', '+79161234667'],
  ],
  ['a correction in one utterance', [`${half} сто двадцать три сорок пять нет сорок шесть шестьдесят семь`], ['+79161234667']],
  [
    'a correction of a longer group before the last',
    [half, 'сто двадцать три сорок пять', 'точнее сто двадцать четыре', 'шестьдесят семь'],
    ['8916', '891612345', '891612445', '+79161244567'],
  ],
  ['a correction of one digit', [half, 'сто двадцать три сорок пять', 'ошиблась, шесть'], ['8916', '891612345', '891612346']],
  [
    'the wrong and the right group',
    [half, 'сто двадцать три сорок пять', 'не сто двадцать три, а сто двадцать два', 'шестьдесят семь'],
    ['8916', '891612345', '891612245', '+79161224567'],
  ],
  ['a correction of the whole number', [half, rest, 'нет, в конце шестьдесят восемь'], ['8916', whole, '+79161234568']],
  ['a correction of the last two groups', [half, rest, 'нет, сорок шесть шестьдесят восемь'], ['8916', whole, '+79161234668']],
  ['another number instead', [half, 'нет, восемь девятьсот три', rest], ['8916', '8903', '+79031234567']],
  ['a repetition from the start', [half, `восемь девятьсот шестнадцать ${rest}`], ['8916', whole]],
  [
    'a repetition of the start',
    [half, 'восемь девятьсот шестнадцать сто двадцать три', 'сорок пять шестьдесят семь'],
    ['8916', '8916123', whole],
  ],
  ['a new start', [half, 'давайте ещё раз, восемь девятьсот три', rest], ['8916', '8903', '+79031234567']],
  ['too many digits', [half, 'сто двадцать три сорок пять шестьдесят семь восемьдесят девять'], ['8916', 'excess']],
  ['another subject', [half, 'а сколько стоит стрижка', rest], ['8916', null, whole]],
  ['a time', [half, 'давайте лучше на двенадцать'], ['8916', null]],
  ['a whole number and then a time', [half, rest, 'на двенадцать тридцать'], ['8916', whole, null]],
])('a phone is put together from %s', (_, utterances, heard) => {
  expect(tell(utterances)).toEqual(heard);
});

test.each<[said: string, heard: string | null]>([
  ['запишите мой номер восемь девятьсот шестнадцать', '8916'],
  ['восемь девятьсот шестнадцать двести', '8916200'],
  ['девяносто девять пятьдесят', null],
  ['завтра в восемь тридцать', null],
  ['восемь девятьсот рублей', null],
  ['восемь', null],
  ['две тысячи пятьсот', null],
])('without a question for it, a phone begins only where nothing else is meant: %s', (said, heard) => {
  expect(tell([said], false)).toEqual([heard]);
});

test('the words around the number are kept, and those of dictation are not', () => {
  expect(dictated('меня зовут Иван, плюс семь девятьсот шестнадцать', { groups: [], isExpected: true })).toMatchObject({
    before: 'меня зовут Иван,',
    after: '',
  });
  expect(dictated(`так, ${rest}, а сколько стоит стрижка?`, { groups: ['8', '916'], isExpected: true })).toMatchObject({
    is: 'whole',
    before: '',
    after: 'а сколько стоит стрижка?',
  });
});

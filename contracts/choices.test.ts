import { expect, test } from '@jest/globals';
import { Choices, Media } from './choices.ts';

const option = (id: string, title = 'Да') => ({ id, title });
const buttons = (options: readonly object[], more: object = {}) => Choices.safeParse({ as: 'buttons', options, ...more }).success;
const many = (count: number) => Array.from({ length: count }, (_, n) => option(`o${n}`));

test.each([
  ['an id of 64 bytes', () => buttons([option('x'.repeat(64))])],
  ['100 options', () => buttons(many(100))],
  ['two options of one title', () => buttons([option('a'), option('b')])],
  ['a title of emoji only', () => buttons([option('a', '👩‍👩‍👧‍👦')])],
  ['a title written from right to left', () => buttons([option('a', 'שלום')])],
  ['a page', () => buttons(many(100), { moreId: 'x'.repeat(40), moreTitle: 'Ещё' })],
])('%s is accepted', (_, isAccepted) => {
  expect(isAccepted()).toBe(true);
});

test.each([
  ['an id of 65 bytes', () => buttons([option('x'.repeat(65))])],
  ['an id of 33 characters in 66 bytes', () => buttons([option('ж'.repeat(33))])],
  ['an id with a space', () => buttons([option('a b')])],
  ['an empty id', () => buttons([option('')])],
  ['no option', () => buttons([])],
  ['101 options', () => buttons(many(101))],
  ['two options of one id', () => buttons([option('a'), option('a', 'Нет')])],
  ['a title that nobody sees', () => buttons([option('a', '\u202e\u200b ')])],
  ['a title of 65 characters', () => buttons([option('a', 'x'.repeat(65))])],
  ['a name for more of 41 bytes', () => buttons(many(1), { moreId: 'x'.repeat(41) })],
  ['a list that nothing opens', () => Choices.safeParse({ as: 'list', options: many(1) }).success],
  ['a request with options', () => Choices.safeParse({ as: 'contact_request', title: 'x', options: many(1) }).success],
  ['a file of another kind', () => Media.safeParse({ kind: 'exe', blob: { blobId: 'b', bytes: 1, contentType: 'x/y' } }).success],
])('%s is refused', (_, isAccepted) => {
  expect(isAccepted()).toBe(false);
});

import { expect, test } from '@jest/globals';
import { isSamePerson, samePersonAmong } from './persons.ts';

test.each([
  ['a key and itself', 'gateway:shop/pk_1', 'gateway:shop/pk_1'],
  ['two keys of a client', 'gateway:shop/pk_1', 'gateway:shop/pk_2'],
  ['two keys of a person', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2/anna'],
  ['keys of a person with two clients', 'gateway:shop/pk_1/anna', 'gateway:site/pk_2/anna'],
  ['a key of a person and one of its client that names nobody', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2'],
  ['a button of Telegram and the key that names its person', 'journal:telegram/usr_1', 'gateway:shop/pk_1/telegram/usr_1'],
  ['a person in two sessions', 'gateway:staff/s_1/anna', 'gateway:staff/s_2/anna'],
  ['a person in a session and with a key that names them', 'gateway:staff/s_1/anna', 'gateway:shop/pk_1/anna'],
  ['one person in Telegram before and after the journal had a service', 'pipelines:telegram/usr_1', 'journal:telegram/usr_1'],
  ['the operator under two names', 'operator:anna', 'operator:boris'],
  ['the operator with a name and without', 'operator', 'operator:boris'],
  ['the operator under the name of a key of the client', 'operator:shop/pk_1', 'operator:site/pk_2'],
])('%s count as one person', (_, one, other) => {
  expect([isSamePerson(one, other), isSamePerson(other, one)]).toEqual([true, true]);
});

test.each([
  ['two people in sessions', 'gateway:staff/s_1/anna', 'gateway:staff/s_2/boris'],
  ['a person in a session and a key that names nobody', 'gateway:staff/s_1/anna', 'gateway:shop/pk_1'],
  ['keys of two clients', 'gateway:shop/pk_1', 'gateway:site/pk_2'],
  ['keys of two people of a client', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2/boris'],
  ['two people in Telegram', 'journal:telegram/usr_1', 'journal:telegram/usr_2'],
  ['a person in Telegram and a key', 'journal:telegram/usr_1', 'gateway:telegram/usr_1'],
  ['the operator and a key', 'operator:shop', 'gateway:shop/pk_1'],
])('%s count as two people', (_, one, other) => {
  expect([isSamePerson(one, other), isSamePerson(other, one)]).toEqual([false, false]);
});

const links = [
  { kind: 'telegram', value: 'usr_1', personId: 'anna' },
  { kind: 'key', value: 'pk_1', personId: 'anna' },
  { kind: 'key', value: 'pk_2', personId: 'boris' },
];
test.each([
  ['a session and the linked user in Telegram', 'gateway:staff/s_1/anna', 'journal:telegram/usr_1', true],
  ['a session and the linked key', 'gateway:staff/s_1/anna', 'gateway:shop/pk_1', true],
  ['a linked user in Telegram and a linked key of one person', 'journal:telegram/usr_1', 'gateway:shop/pk_1', true],
  ['a key that is linked to another than it names', 'gateway:shop/pk_1/olga', 'gateway:staff/s_1/anna', true],
  ['a linked key and one of its client that names nobody', 'gateway:shop/pk_1', 'gateway:shop/pk_9', true],
  ['linked keys of two people of a client', 'gateway:shop/pk_1', 'gateway:shop/pk_2', false],
  ['a session and the key of another person', 'gateway:staff/s_1/anna', 'gateway:shop/pk_2', false],
  ['a session and a user in Telegram without a link', 'gateway:staff/s_1/anna', 'journal:telegram/usr_2', false],
  ['a session and a service that says it is that user', 'gateway:staff/s_1/anna', 'sender:telegram/usr_1', false],
])('by their links, %s count as one person or two', async (_, one, other, isSame) => {
  const desk = {
    links: async (of: readonly { kind: string; value: string }[]) =>
      links.filter((link) => of.some(({ kind, value }) => kind === link.kind && value === link.value)),
  };
  const same = await samePersonAmong(desk, [one, other]);
  expect([same(one, other), same(other, one)]).toEqual([isSame, isSame]);
});

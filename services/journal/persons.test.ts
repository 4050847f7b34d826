import { expect, test } from '@jest/globals';
import { isSamePerson } from './persons.ts';

test.each([
  ['a key and itself', 'gateway:shop/pk_1', 'gateway:shop/pk_1'],
  ['two keys of a client', 'gateway:shop/pk_1', 'gateway:shop/pk_2'],
  ['two keys of a person', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2/anna'],
  ['keys of a person with two clients', 'gateway:shop/pk_1/anna', 'gateway:site/pk_2/anna'],
  ['a key of a person and one of its client that names nobody', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2'],
  ['a button of Telegram and the key that names its person', 'journal:telegram/usr_1', 'gateway:shop/pk_1/telegram/usr_1'],
  ['one person in Telegram before and after the journal had a service', 'pipelines:telegram/usr_1', 'journal:telegram/usr_1'],
  ['the operator under two names', 'operator:anna', 'operator:boris'],
  ['the operator with a name and without', 'operator', 'operator:boris'],
  ['the operator under the name of a key of the client', 'operator:shop/pk_1', 'operator:site/pk_2'],
])('%s count as one person', (_, one, other) => {
  expect([isSamePerson(one, other), isSamePerson(other, one)]).toEqual([true, true]);
});

test.each([
  ['keys of two clients', 'gateway:shop/pk_1', 'gateway:site/pk_2'],
  ['keys of two people of a client', 'gateway:shop/pk_1/anna', 'gateway:shop/pk_2/boris'],
  ['two people in Telegram', 'journal:telegram/usr_1', 'journal:telegram/usr_2'],
  ['a person in Telegram and a key', 'journal:telegram/usr_1', 'gateway:telegram/usr_1'],
  ['the operator and a key', 'operator:shop', 'gateway:shop/pk_1'],
])('%s count as two people', (_, one, other) => {
  expect([isSamePerson(one, other), isSamePerson(other, one)]).toEqual([false, false]);
});

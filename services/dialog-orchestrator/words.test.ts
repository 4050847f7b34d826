import { expect, test } from '@jest/globals';
import { onlySpoken, onlyWritten, textsIn } from '../../test/kit/wording.ts';
import { dictationWords, wordsFor } from './words.ts';

const of = { what: 'create', services: ['X'], employee: 'X', when: 'X', from: 'X', price: 'X', name: 'X', phone: 'X' };
const args = { proposal: [of], receipt: [of] };
/** Chats alone show buttons and contacts, and have messages without words. */
const onlyInChats = new Set(['sharePhone', 'provePhone', 'cannotListen', 'cannotSee']);
const languages = ['ru', 'en'] as const;

test.each(languages)('in calls the agent asks nobody to read, write or press: %s', (language) => {
  const said = [...textsIn(wordsFor({ language, isSpoken: true }), args), ...textsIn(dictationWords[language])];
  expect(said.filter(([name, text]) => !onlyInChats.has(name) && onlyWritten[language].test(text))).toEqual([]);
});

test.each(languages)('in chats the agent says nothing that only a caller can do: %s', (language) => {
  expect(textsIn(wordsFor({ language }), args).filter(([, text]) => onlySpoken[language].test(text))).toEqual([]);
});

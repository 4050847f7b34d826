import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { deskSentences, phoneSentences } from './desk.ts';
import { phonesOf, pronounced } from './phones.ts';

const model = new URL('../../adapters/asr/russian-acoustic/ru/', import.meta.url);

test('the ear knows each word of the grammar: `node scripts/acoustic/train.ts` after a change of it', async () => {
  const known = new Set((await readFile(new URL('words.dict', model), 'utf8')).split('\n').map((line) => line.split(' ')[0]));
  const unknown = [...deskSentences(20_000, 23), ...phoneSentences(5_000, 23)]
    .flatMap((sentence) => sentence.split(' '))
    .filter((word) => !known.has(word));
  expect(unknown).toEqual([]);
});

test('a sentence of the grammar has no sign of it left', () => {
  for (const sentence of [...deskSentences(5_000, 3), ...phoneSentences(1_000, 3)]) expect(sentence).toMatch(/^[а-яё]+( [а-яё]+)*$/);
});

test('the same seed draws the same sentences', () => {
  expect(deskSentences(50, 8)).toEqual(deskSentences(50, 8));
  expect(deskSentences(50, 8)).not.toEqual(deskSentences(50, 9));
});

test('a phoneme is a phone of the model, soft where it is soft; one that the model does not have is an error', () => {
  expect(phonesOf("z 'A p ; i s;")).toEqual(['z', 'aa', 'pj', 'i', 'sj']);
  expect(phonesOf("x V tS; 'u#")).toEqual(['x', 'ax', 'ch', 'u']);
  expect(phonesOf("m a r ; 'i ja")).toEqual(['m', 'a', 'rj', 'i', 'j', 'a']);
  expect(phonesOf("v @- r ; 'e m; V")).toEqual(['v', 'rj', 'e', 'mj', 'ax']);
  expect(() => phonesOf('q')).toThrow(/q/);
});

test('words are pronounced as espeak-ng says them', async () => {
  expect((await pronounced(['да', 'стрижку'])).get('стрижку')).toEqual(['s', 't', 'rj', 'i', 'sh', 'k', 'u']);
});

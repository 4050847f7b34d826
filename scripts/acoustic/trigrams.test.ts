import { expect, test } from '@jest/globals';
import { arpaOf } from './trigrams.ts';

const sentences = ['да', 'да да', 'да конечно', 'на пятницу', 'на среду', 'запишите на среду'].map((text) => text.split(' '));
const arpa = arpaOf(sentences);
/** Probabilities by the words of an entry; `back` is its back-off weight. */
function entries(order: number): ReadonlyMap<string, { readonly share: number; readonly back: number }> {
  const [, section = ''] = new RegExp(`\\\\${order}-grams:\n([^\\\\]*)\n`).exec(arpa) ?? [];
  return new Map(
    section
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '))
      .map(([share, ...rest]) => [
        rest.slice(0, order).join(' '),
        { share: 10 ** Number(share), back: rest[order] === undefined ? 1 : 10 ** Number(rest[order]) },
      ]),
  );
}
const [one, two, three] = [entries(1), entries(2), entries(3)];
const words = [...one.keys()];
const bigram = (before: string, word: string) =>
  two.get(`${before} ${word}`)?.share ?? (one.get(before)?.back ?? 1) * (one.get(word)?.share ?? 0);
const trigram = (first: string, before: string, word: string) =>
  three.get(`${first} ${before} ${word}`)?.share ?? (two.get(`${first} ${before}`)?.back ?? 1) * bigram(before, word);
const sum = (shares: readonly number[]) => shares.reduce((all, share) => all + share, 0);

test('after any words the shares of the next word are one together', () => {
  expect(sum(words.map((word) => one.get(word)?.share ?? 0))).toBeCloseTo(1, 2);
  for (const before of ['<s>', 'да', 'на']) expect(sum(words.map((word) => bigram(before, word)))).toBeCloseTo(1, 2);
  for (const [first, before] of [
    ['<s>', 'да'],
    ['<s>', 'на'],
    ['запишите', 'на'],
  ] as const)
    expect(sum(words.map((word) => trigram(first, before, word)))).toBeCloseTo(1, 2);
});

test('what was said together is likelier than what was not, which is possible', () => {
  expect(bigram('на', 'среду')).toBeGreaterThan(bigram('на', 'пятницу'));
  expect(bigram('на', 'пятницу')).toBeGreaterThan(bigram('на', 'конечно'));
  expect(trigram('запишите', 'на', 'пятницу')).toBeGreaterThan(0);
});

test('the header counts the entries', () => {
  for (const [order, of] of [one, two, three].entries()) expect(arpa).toContain(`ngram ${order + 1}=${of.size}\n`);
});

import { expect, test } from '@jest/globals';
import { phrasesOf } from './utterance.ts';

/** Pieces of the given lengths in ms, with pauses of 300 ms between them. */
function piecesOf(...lengths: readonly number[]) {
  let at = 0;
  return lengths.map((ms) => {
    const from = at;
    at += (ms + 300) * 8;
    return { from, to: from + ms * 8 };
  });
}
/** A matcher that finds the same phrase everywhere, with this score. */
const like = (score: number) => async () => ({ phrase: 'на пятницу', score });
const heard = async (score: number, ...lengths: readonly number[]) => (await phrasesOf(piecesOf(...lengths), like(score))).length;

test('short speech must be nearer to a phrase than long speech', async () => {
  expect(await heard(0.72, 600)).toBe(0);
  expect(await heard(0.59, 600)).toBe(1);
  expect(await heard(0.72, 1_700)).toBe(1);
  expect(await heard(0.8, 1_700)).toBe(0);
});

test('a part of an utterance must be nearer to a phrase than all of it', async () => {
  const match = (score: number) => async (from: number, to: number) =>
    to - from > 13_600 ? null : { phrase: from === 0 ? 'на пятницу' : 'да', score: from === 0 ? score : 0.3 };
  expect((await phrasesOf(piecesOf(1_700), match(0.75))).map(({ phrase }) => phrase)).toEqual(['на пятницу']);
  expect((await phrasesOf(piecesOf(1_700, 1_700), match(0.75))).map(({ phrase }) => phrase)).toEqual(['да']);
  expect((await phrasesOf(piecesOf(1_700, 1_700), match(0.55))).map(({ phrase }) => phrase)).toEqual(['на пятницу', 'да']);
});

test('unknown speech between phrases is left out, and an utterance that is mostly unknown is refused', async () => {
  const match = async (from: number, to: number) => (to - from === 4_000 ? { phrase: 'да', score: 0.3 } : null);
  expect(await phrasesOf(piecesOf(500, 600, 500), match)).toHaveLength(2);
  expect(await phrasesOf(piecesOf(500, 1_500, 500), match)).toEqual([]);
});

test('pieces that are a phrase together are read as one', async () => {
  const match = async (from: number, to: number) => (to - from < 8_000 ? null : { phrase: 'на пятницу', score: 0.6 });
  expect(await phrasesOf(piecesOf(500, 500), match)).toMatchObject([{ from: 0, to: 10_400 }]);
});

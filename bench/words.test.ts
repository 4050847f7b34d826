import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reindex, stateOfWords } from '../services/collector/rows/words.ts';
import { type World, world } from '../test/kit/world.ts';
import { found, readPairs, writePairs } from './words.ts';

let here: World;
beforeAll(async () => {
  here = await world();
});
afterAll(() => here.stop());

test('the pairs are as many as is said, none twice, and of the further ones no word is in the table of irregular words', async () => {
  const { everyday, more } = await readPairs();
  const all = [...everyday, ...more].map((pair) => pair.join(' '));
  expect([everyday.length, more.length, new Set(all).size]).toEqual([25, 50, 75]);
  const irregular = 'select word from collector.irregular_words where word in (select collector.fold(unnest($1::text[])))';
  expect(await here.store.query(irregular, [everyday.flat()])).not.toEqual([]);
  expect(await here.store.query(irregular, [more.flat()])).toEqual([]);
});

test('of the everyday pairs at least 20 are found by words alone, and of the others more with hunspell than by stems', async () => {
  const { everyday, more } = await readPairs();
  const { isHunspellThere } = await stateOfWords(here.store);
  await writePairs(here.store, [...everyday, ...more]);
  const hits = async (pairs: typeof more, byLikeness: boolean) => (await found(here.store, pairs, byLikeness)).filter(Boolean).length;
  const [byWords, moreByWords] = [await hits(everyday, false), await hits(more, false)];
  expect(byWords).toBeGreaterThanOrEqual(20);
  expect(await hits(everyday, true)).toBeGreaterThanOrEqual(byWords);
  await reindex(here.store, 'stems');
  if (isHunspellThere) expect(moreByWords).toBeGreaterThan(1.5 * (await hits(more, false)));
});

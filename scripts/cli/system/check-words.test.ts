import { expect, test } from '@jest/globals';
import { findingOf } from './check-words.ts';

test.each([
  [{ inUse: 'hunspell', isHunspellThere: true, behind: 0 }, 'ok', undefined],
  [{ inUse: 'hunspell', isHunspellThere: false, behind: 0 }, 'fail', 'reindex --words stems'],
  [{ inUse: 'hunspell', isHunspellThere: true, behind: 7 }, 'warn', 'polyb inbox reindex continues'],
  [{ inUse: 'stems', isHunspellThere: true, behind: 0 }, 'warn', 'polyb inbox reindex'],
  [{ inUse: 'stems', isHunspellThere: false, behind: 0 }, 'warn', 'apt-get install hunspell-ru'],
] as const)('%j is %s and says what to type', (words, state, next) => {
  const finding = findingOf(words);
  expect([finding.state, finding.next]).toEqual([state, next === undefined ? undefined : expect.stringContaining(next)]);
});

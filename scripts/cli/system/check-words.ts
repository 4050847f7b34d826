/** Does `polyb doctor` find words in all their forms, or only by their stems? */
import { openPostgres } from '../../../adapters/store/postgres.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { stateOfWords, type WordsState } from '../../../services/collector/rows/words.ts';
import type { Finding } from './checks.ts';

const check = 'search';
const reindex = 'polyb inbox reindex';
const install = `on the machine of PostgreSQL sudo apt-get install hunspell-ru, then ${reindex}`;

/** None where PostgreSQL or the tables of the inbox are not there, which other checks tell. */
export async function checkWords(url: string | undefined): Promise<readonly Finding[]> {
  if (url === undefined) return [];
  const db = openPostgres({ url, name: 'polyb-doctor', log: quiet, connections: 1 });
  try {
    return [findingOf(await stateOfWords(db))];
  } catch {
    return [];
  } finally {
    await db.close();
  }
}

export function findingOf({ inUse, isHunspellThere, behind }: WordsState): Finding {
  if (inUse === 'hunspell' && !isHunspellThere)
    return {
      check,
      state: 'fail',
      found: 'the files of the hunspell dictionary are missing: no message can be stored or found',
      next: `${install}; or, without it, ${reindex} --words stems`,
    };
  if (behind > 0)
    return { check, state: 'warn', found: `${behind} messages are not yet in the current search index`, next: `${reindex} continues` };
  if (inUse === 'hunspell') return { check, state: 'ok', found: 'search finds all forms of a word (hunspell)' };
  return isHunspellThere
    ? { check, state: 'warn', found: 'search uses word stems, although a hunspell dictionary is installed', next: reindex }
    : { check, state: 'warn', found: 'search uses word stems: PostgreSQL has no hunspell dictionary', next: install };
}

/** Which words are equal for a search: by hunspell's Russian dictionary if PostgreSQL has it, otherwise by stem. */
import type { Database, Queries } from '../../../bus/service.ts';
import { learnWords } from './search.ts';

export type Words = 'hunspell' | 'stems';
export interface WordsState {
  readonly inUse: Words;
  /** True if PostgreSQL can read hunspell's files. */
  readonly isHunspellThere: boolean;
  /** Messages that are still indexed with the former dictionary. */
  readonly behind: number;
}

/** Call it on a connection without earlier searches: a connection keeps the dictionary it loaded, whatever happens to the files. */
export async function stateOfWords(db: Queries): Promise<WordsState> {
  const [row] = await db.query<Omit<WordsState, 'behind'>>(
    `select collector.words_in_use() as "inUse", collector.hunspell_is_there() as "isHunspellThere"`,
  );
  if (row === undefined) throw new TypeError('a statement without a table gave no row');
  return { ...row, behind: await countBehind(db) };
}
async function countBehind(db: Queries): Promise<number> {
  const [row] = await db.query<{ behind: number }>(
    'select count(*)::float8 as behind from collector.messages join collector.reindexing on seq < below',
  );
  return row?.behind ?? 0;
}

/** Messages reindexed in one transaction, so that others wait only briefly. */
const rowsAtOnce = 1_000;

/**
 * Searches with these words from now on, and reindexes every message, newest first. Messages are stored and read meanwhile;
 * a search may miss one that is not reindexed yet. An interrupted run continues where it stopped.
 * @returns the number of messages processed
 */
export async function reindex(
  db: Database,
  words: Words,
  { signal, progress = () => {} }: { readonly signal?: AbortSignal; readonly progress?: (done: number, of: number) => void } = {},
): Promise<number> {
  await db.query('select collector.use_words($1)', [words]);
  const behind = await countBehind(db);
  let done = 0;
  for (let went = Number.NaN; went !== 0; ) {
    signal?.throwIfAborted();
    went = await db.transaction(nextRows);
    done += went;
    progress(done, behind);
  }
  return done;
}

/** Returns how many; zero when all is done. */
async function nextRows(tx: Queries): Promise<number> {
  // The text is rewritten unchanged; the index derived from it changes.
  const rows = await tx.query<{ message_id: string; seq: string }>(
    `with place as materialized (select below from collector.reindexing for update),
       part as materialized (
         select seq from collector.messages where seq < (select below from place) order by seq desc limit ${rowsAtOnce} for update)
     update collector.messages message set text = message.text from part where message.seq = part.seq
     returning message.message_id, message.seq::text`,
  );
  await learnWords(
    tx,
    rows.map(({ message_id }) => message_id),
  );
  if (rows.length === 0) await tx.query('delete from collector.reindexing');
  else
    await tx.query('update collector.reindexing set below = (select min(seq) from unnest($1::bigint[]) seq)', [rows.map(({ seq }) => seq)]);
  return rows.length;
}

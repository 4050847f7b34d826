/** Which words are one for a search: as hunspell's dictionary of Russian says where PostgreSQL has it, else those of one stem. */
import type { Database, Queries } from '../../bus/service.ts';
import { learnWords } from './search.ts';

export type Words = 'hunspell' | 'stems';
export interface WordsState {
  readonly inUse: Words;
  /** PostgreSQL can read hunspell's files. */
  readonly isHunspellThere: boolean;
  /** Messages that are still searched by the words of before. */
  readonly behind: number;
}

/** To be asked on a connection that has not searched yet: one that has keeps the dictionary, whatever becomes of its files. */
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

/** Messages that one transaction makes searchable anew, so that nobody waits for it for long. */
const rowsAtOnce = 1_000;

/**
 * Searches by these words from now on, and makes every message findable by them, the youngest first. Messages come in and are read meanwhile;
 * one that was not reached yet may be missed by a search. Ended half-way it goes on where it stood.
 * @returns how many messages it went through
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

/** Answers how many; none when all is done. */
async function nextRows(tx: Queries): Promise<number> {
  // The text that is written again is the same; what is made from it is not.
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

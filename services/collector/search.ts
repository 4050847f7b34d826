/** Finding messages: words in any form, and by likeness where that finds little. */
import type { Database, Queries } from '../../bus/service.ts';
import { spellingsOf } from './spellings.ts';

/** What is like a word shares this part of its three-letter pieces: two swapped letters in a word of eight still do. */
const likeness = 0.3;
/** With fewer hits than this, likeness is asked too. */
export const fewHits = 5;
/** So many messages are read back in time first, at a microsecond each: a frequent word is met often enough among them. */
export const firstWalked = 2_000;
/** A word that is not has its hits gathered from the index and sorted, unless there are more than this. */
export const mostGathered = 4_000;
/** So many messages are read back then, before a word is taken for one of another season and all its hits are gathered. */
export const mostWalked = 20_000;

export interface Search {
  /** A tsquery as text; empty when no word of the question can be searched for. */
  readonly query: string;
  /** The question has quotes, -word or OR: whoever writes so wants no likeness. */
  readonly isExact: boolean;
}

/** Prepares a transaction for searching, and reads the question. The plan must fit the word: a rare one and a frequent one need different ones.
 *  A scan that is off has a cost so high that PostgreSQL would compile each of these short queries, for ten times what running it takes. */
export async function prepare(tx: Queries, q: string): Promise<Search> {
  const [row] = await tx.query<{ query: string }>(
    `select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
       set_config('pg_trgm.similarity_threshold', $2, true),
       collector.widened(collector.question($1))::text as query`,
    [q, String(likeness)],
  );
  return { query: row?.query ?? '', isExact: /"|(^|\s)-\S|\sor\s/i.test(q) };
}

/** The search widened to words that are like those of the question, and to its other spellings; null when there are none. */
export async function likened(tx: Queries, q: string, search: Search): Promise<Search | null> {
  const { exact, cyrillic } = spellingsOf(q);
  const [row] = await tx.query<{ queries: readonly (string | null)[] }>(
    `select array[collector.likened(collector.fold($1)), case when $2::text is not null then collector.likened(collector.fold($2)) end]::text[]
       || array(select collector.respelled(spelling)::text from unnest($3::text[]) spelling) as queries`,
    [q, cyrillic, exact],
  );
  const queries = [search.query, ...(row?.queries ?? [])].filter((query) => query !== null && query !== '');
  return queries.length === 0 ? null : { ...search, query: queries.map((query) => `(${query})`).join(' | ') };
}

/** Takes words into the lexicon; those that are there stay. */
export async function learnWords(tx: Queries, messageIds: readonly string[]): Promise<void> {
  if (messageIds.length === 0) return;
  await tx.query(
    // In one order everywhere, so that two deliveries never wait for each other. A flood of words is no vocabulary.
    `insert into collector.lexicon (word)
     select distinct found.word from collector.messages, unnest((tsvector_to_array(fts))[1:300]) found (word)
     where message_id = any ($1) and found.word ~ '^[a-zа-я]{3,24}$' and not exists (select from collector.lexicon known where known.word = found.word)
     order by found.word on conflict do nothing`,
    [messageIds],
  );
}

/** Takes the words out of the lexicon that stand in these messages only; a name may be among them. To be done while the words are there. */
export async function forgetWords(tx: Queries, messageIds: readonly string[]): Promise<void> {
  // Whether others wrote a word is looked up in the index: among many messages PostgreSQL would hope to meet it soon.
  await tx.query(`select set_config('enable_seqscan', 'off', true)`);
  await tx.query(
    `delete from collector.lexicon where word in (
       select unnest(tsvector_to_array(fts)) from collector.messages where message_id = any ($1)
       union select unnest(tsvector_to_array(collector.words(version.text)))
         from collector.message_versions version join collector.messages using (message_id) where message_id = any ($1)
     ) and not exists (
       select from collector.messages where fts @@ quote_literal(lexicon.word)::tsquery and not (message_id = any ($1)))`,
    [messageIds],
  );
}

/** Takes the words out of the lexicon that no message has, of the next so many after a word. Answers the last one that was looked at, or null. */
export function forgetUnusedWords(db: Database, after: string, most: number): Promise<string | null> {
  return db.transaction(async (tx) => {
    await tx.query(`select set_config('enable_seqscan', 'off', true)`);
    const [row] = await tx.query<{ last: string | null }>(
      `with looked as materialized (
         select word from collector.lexicon where word > $1 order by word limit $2
       ), gone as (
         delete from collector.lexicon where word in (select word from looked)
           and not exists (select from collector.messages where fts @@ quote_literal(lexicon.word)::tsquery))
       select max(word) as last from looked`,
      [after, most],
    );
    return row?.last ?? null;
  });
}

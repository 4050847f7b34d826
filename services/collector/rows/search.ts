/** Search of messages: words in any form, and fuzzy matching when that finds little. */
import type { Database, Queries } from '../../../bus/service.ts';
import { spellingsOf } from '../spellings.ts';

/** Minimum share of common trigrams for a fuzzy match: two swapped letters in a word of eight still match. */
const likeness = 0.3;
/** With fewer hits than this, fuzzy matching is added. */
export const fewHits = 5;
/** Messages read back in time first, at a microsecond each: a frequent word occurs often enough among them. */
export const firstWalked = 2_000;
/** For a word that does not, hits are collected from the index and sorted, unless there are more than this. */
export const mostGathered = 4_000;
/** Messages read back next, before all hits of a seasonal word are collected. */
export const mostWalked = 20_000;

export interface Search {
  /** A tsquery as text; empty if no word of the query is searchable. */
  readonly query: string;
  /** The query contains quotes, -word or OR, so fuzzy matching is off. */
  readonly isExact: boolean;
}

/**
 * Prepares a transaction for a search, and parses the query. The plan must fit the word: rare and frequent words need different ones.
 * A disabled scan has such a high cost that PostgreSQL would compile each short query, at ten times its run time.
 */
export async function prepare(tx: Queries, q: string): Promise<Search> {
  const [row] = await tx.query<{ query: string }>(
    `select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
       set_config('pg_trgm.similarity_threshold', $2, true),
       collector.widened(collector.question($1))::text as query`,
    [q, String(likeness)],
  );
  return { query: row?.query ?? '', isExact: /"|(^|\s)-\S|\sor\s/i.test(q) };
}

/** The search extended by words similar to those of the query, and by its other spellings; null if there are none. */
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

/** Adds words to the lexicon; existing ones stay. */
export async function learnWords(tx: Queries, messageIds: readonly string[]): Promise<void> {
  if (messageIds.length === 0) return;
  await tx.query(
    // In one order everywhere, so that two deliveries never deadlock. A flood of words is not vocabulary.
    `insert into collector.lexicon (word)
     select distinct found.word from collector.messages, unnest((tsvector_to_array(fts))[1:300]) found (word)
     where message_id = any ($1) and found.word ~ '^[a-zа-я]{3,24}$' and not exists (select from collector.lexicon known where known.word = found.word)
     order by found.word on conflict do nothing`,
    [messageIds],
  );
}

/** Removes words from the lexicon that occur in these messages only; a name may be among them. Must run while the texts exist. */
export async function forgetWords(tx: Queries, messageIds: readonly string[]): Promise<void> {
  // Whether others use a word is looked up in the index: among many messages PostgreSQL would expect to find it soon.
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

/** Removes unused words from the lexicon, in portions after a given word. Returns the last word checked, or null. */
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

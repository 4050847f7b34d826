/** Finding messages: words in any form, and by likeness where that finds little. */
import type { Queries } from '../../bus/service.ts';

/** What is like a word shares this part of its three-letter pieces: two swapped letters in a word of eight still do. */
const likeness = 0.4;
/** With fewer hits than this, likeness is asked too. */
export const fewHits = 5;

/** What `messages_trigrams` is made of; the expression must be the same to the letter for the index to serve. */
const words = `collector.fold(left(coalesce(message.transcript || ' ', '') || message.text, 2000))`;

export interface Search {
  /** A tsquery as text; empty when no word of the question can be searched for. */
  readonly query: string;
  readonly folded: string;
  /** The question has quotes, -word or OR: whoever writes so wants no likeness. */
  readonly isExact: boolean;
}

/** Prepares a transaction for searching, and reads the question. The plan must fit the word: a rare one and a frequent one need different ones. */
export async function prepare(tx: Queries, q: string): Promise<Search> {
  const [row] = await tx.query<{ query: string; folded: string }>(
    `select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('pg_trgm.word_similarity_threshold', $2, true),
       collector.widened(websearch_to_tsquery('collector.russian', collector.fold($1)))::text as query, collector.fold($1) as folded`,
    [q, String(likeness)],
  );
  return { query: row?.query ?? '', folded: row?.folded ?? '', isExact: /"|(^|\s)-\S|\sor\s/i.test(q) };
}

/** The condition under which a message is a hit; `value` gives the place of a parameter. */
export function hit({ query, folded }: Search, isFuzzy: boolean, value: (given: unknown) => string): string {
  const exact = query === '' ? [] : [`message.fts @@ ${value(query)}::tsquery`];
  const like = isFuzzy || exact.length === 0 ? [`${value(folded)} <% ${words}`] : [];
  return `(${[...exact, ...like].join(' or ')})`;
}

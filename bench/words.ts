/** Does a word find another form of it? The pairs of word-pairs.json, asked through the collector's own search, by each kind of words. */
import { readFile } from 'node:fs/promises';
import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { searchMessages } from '../services/collector/rows/messages.ts';
import { learnWords } from '../services/collector/rows/search.ts';
import { reindex, stateOfWords, type Words } from '../services/collector/rows/words.ts';

/** What is asked for, and what stands in the message. */
type Pair = readonly [asked: string, written: string];
export interface Pairs {
  /** Said daily in a shop; the table of irregular words knows many of them. */
  readonly everyday: readonly Pair[];
  /** None of them stands in that table. */
  readonly more: readonly Pair[];
  /** Numbers, phones, addresses, layouts, alphabets, emoji and slips; nothing was tuned on them. */
  readonly spellings: readonly Pair[];
  /** What must not be found. */
  readonly apart: readonly Pair[];
}
export async function readPairs(): Promise<Pairs> {
  return JSON.parse(await readFile(new URL('word-pairs.json', import.meta.url), 'utf8'));
}

/** Writes a message of one word for each pair. */
export async function writePairs(store: PostgresStore, pairs: readonly Pair[]): Promise<void> {
  await store.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('chat', 'telegram', '1', '1', 'private')`,
  );
  await store.query(
    `insert into collector.messages
       (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     select written, 'telegram', '1', '1', written, 'chat', 'in', 'text', written, false, now() from unnest($1::text[]) written`,
    [pairs.map(([, written]) => written)],
  );
  await learnWords(
    store,
    pairs.map(([, written]) => written),
  );
}

/** Which pairs are found. @param byLikeness Also where only likeness finds it; a question in quotes wants none. */
export async function found(store: PostgresStore, pairs: readonly Pair[], byLikeness: boolean): Promise<readonly boolean[]> {
  const hits: boolean[] = [];
  for (const [asked, written] of pairs) {
    const q = byLikeness ? asked : `"${asked}"`;
    const { items } = await store.transaction((tx) => searchMessages(tx, q, {}, { limit: 200 }));
    hits.push(items.some(({ messageId }) => messageId === written));
  }
  return hits;
}

/** A line for each pair, then the sums. */
export async function benchWords(): Promise<readonly Readonly<Record<string, string>>[]> {
  const pairs = await readPairs();
  const all = [...pairs.everyday, ...pairs.more, ...pairs.spellings, ...pairs.apart];
  const server = await startPostgres({ dir: temporaryDir(), durable: false, temporary: true });
  try {
    const url = Object.assign(new URL(server.url), { pathname: '/bench' }).href;
    await migrate({ url });
    const store = openStore({ url, name: 'bench', log: quiet, connections: 2 });
    try {
      await writePairs(store, all);
      const { isHunspellThere } = await stateOfWords(store);
      const kinds: readonly Words[] = isHunspellThere ? ['hunspell', 'stems'] : ['stems'];
      const columns = new Map<string, readonly boolean[]>();
      for (const words of kinds) {
        await reindex(store, words);
        columns.set(words, await found(store, all, false));
        columns.set(`${words}, then likeness`, await found(store, all, true));
      }
      const lines = all.map(([asked, written], nth) => ({
        pair: `${asked} → ${written}`,
        ...row(columns, (hits) => (hits[nth] ? 'found' : '')),
      }));
      let from = 0;
      const sums = (['everyday', 'more', 'spellings', 'apart'] as const).map((sort) => {
        const [first, count] = [from, pairs[sort].length];
        from += count;
        return {
          pair: `${sort}: of ${count}`,
          ...row(columns, (hits) => String(hits.slice(first, first + count).filter(Boolean).length)),
        };
      });
      return [...lines, ...sums];
    } finally {
      await store.close();
    }
  } finally {
    await server.stop();
  }
}
function row(
  columns: ReadonlyMap<string, readonly boolean[]>,
  cell: (hits: readonly boolean[]) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries([...columns].map(([name, hits]) => [name, cell(hits)]));
}

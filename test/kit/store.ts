import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Commit, Database, Queries } from '../../bus/service.ts';
import { testDatabase } from './database.ts';

export interface TestStore {
  readonly url: string;
  readonly db: Database;
  /** A real transaction; what was emitted and sent in it is kept below once it has committed. */
  readonly commit: Commit;
  readonly emitted: { readonly event: string; readonly payload: unknown }[];
  readonly sent: { readonly method: string; readonly input: unknown; readonly key: string }[];
  /** Closes the connections and removes the database. */
  close(): Promise<void>;
}

/** A fresh database with the tables of one service folder, and commits that remember what would be published. */
export async function testStore(folder: string, file: string): Promise<TestStore> {
  const { url, drop } = await testDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  // Dropping the database cuts connections that are still closing.
  pool.on('error', () => {});
  const queries = (client: pg.Pool | pg.PoolClient): Queries => ({
    query: async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[],
  });
  const transaction = async <T>(work: (tx: Queries) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const result = await work(queries(client));
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };
  const emitted: TestStore['emitted'] = [];
  const sent: TestStore['sent'] = [];
  const commit: Commit = async (work) => {
    const published: (() => void)[] = [];
    const result = await transaction((tx) =>
      work({
        ...tx,
        emit: (event, payload) => void published.push(() => emitted.push({ event: event.address, payload })),
        send: (method, input, { key }) => {
          published.push(() => sent.push({ method: method.address, input, key }));
          return `row_of_${key}`;
        },
        outdate() {},
        forget() {},
        count() {},
        observe() {},
      }),
    );
    for (const publish of published) publish();
    return result;
  };
  const db: Database = { ...queries(pool), transaction };
  const [schema] = await db.query('select 1 from pg_namespace where nspname = $1', [folder.replaceAll('-', '_')]);
  if (schema === undefined)
    await pool.query(await readFile(new URL(`../../services/${folder}/migrations/${file}`, import.meta.url), 'utf8'));
  const close = async () => {
    await pool.end();
    await drop();
  };
  return { url, db, commit, emitted, sent, close };
}

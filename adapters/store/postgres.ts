/** The one home of `pg`: a pool with deadlines, prepared statements, and transactions. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import type { Database, Log, Queries } from '../deps.ts';

/** An open transaction, to be ended by `commit` or `rollback`. */
export interface Begun extends Queries {
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
export interface Postgres extends Database {
  begin(): Promise<Begun>;
  /** Runs `work` on a separate session, for advisory locks and migrations. */
  session<T>(work: (session: Queries & { run(script: string): Promise<void> }) => Promise<T>): Promise<T>;
  pool(): PoolUsage;
  close(): Promise<void>;
}
/** Connections of one pool. */
export interface PoolUsage {
  readonly most: number;
  readonly used: number;
  /** Requests that wait for a connection now. */
  readonly waiting: number;
  /** Requests that got none in time, since the start. */
  readonly refused: number;
}
/** How long a request waits for a connection, unless the caller says otherwise. */
const usualPatienceMs = 5_000;
/** pg-pool's message when all its connections stayed in use, and PostgreSQL's code when all of its own are. */
const isExhausted = (code: string, message: string): boolean => code === '53300' || message === 'timeout exceeded when trying to connect';
/** SQLSTATE codes of a transaction that was rolled back because of another: lock timeout, deadlock, serialization. */
const contended = new Set(['55P03', '40P01', '40001']);

/** SQLSTATE classes and codes of an unavailable server: nothing was stored. */
const away = /^(08|57P)|ECONNREFUSED|ECONNRESET|ENOTFOUND|EPIPE|ETIMEDOUT/;

/** SQLSTATE codes of texts that PostgreSQL cannot store. */
const unstorable = new Set(['22021', '22P02', '22P05', '54000']);

/** Converts a lost connection and a text that cannot be stored to a PolybError; other errors of the server stay as they are. */
function translated(thrown: unknown, patienceMs: number): unknown {
  if (isPolybError(thrown)) return thrown;
  const { code = '', message = '' } = (Error.isError(thrown) ? thrown : {}) as { code?: string; message?: string };
  if (isExhausted(code, message))
    return new PolybError(
      'resource_exhausted',
      code === ''
        ? `All connections of this process to PostgreSQL were in use for ${patienceMs / 1000} s; nothing was started. Raise DATABASE_CONNECTIONS, or send fewer requests at once.`
        : 'PostgreSQL has no connection left (max_connections); nothing was started. `polyb doctor` compares the pools with it.',
      { reason: 'connections_exhausted', retryAfterMs: 1000, cause: thrown },
    );
  if (contended.has(code))
    return new PolybError('unavailable', 'Another transaction held the same rows; this one was rolled back.', {
      reason: 'store_contended',
      retryAfterMs: 100,
      cause: thrown,
    });
  if (code === '53100' || /No space left on device/.test(message))
    return new PolybError('unavailable', 'The disk of PostgreSQL is full; nothing was kept. Free some space on it.', {
      reason: 'disk_full',
      retryAfterMs: 5000,
      cause: thrown,
    });
  if (away.test(code) || /Connection terminated|Client has encountered a connection error/.test(message))
    return new PolybError('unavailable', 'PostgreSQL is unreachable; the work was not started or not stored.', {
      reason: 'store_down',
      retryAfterMs: 1000,
      cause: thrown,
    });
  if (unstorable.has(code))
    return new PolybError(
      'invalid_argument',
      'A text contains NUL or half of a character, or a key is too long for the index; it cannot be stored.',
      {
        reason: 'bad_text',
        cause: thrown,
      },
    );
  return thrown;
}

/** A commit whose reply was lost may have succeeded. */
function inDoubt(thrown: unknown): unknown {
  if (!isPolybError(thrown) || thrown.reason !== 'store_down') return thrown;
  const { code, reason, retryAfterMs, cause } = thrown;
  const message =
    'The connection to PostgreSQL was lost during a commit; its outcome is unknown. Repeating the request with the same key is safe.';
  return new PolybError(code, message, { reason, retryAfterMs, cause, outcome: 'unknown' });
}

/**
 * @param url postgres://user:password@host:port/database
 * @param patienceMs how long a request waits for a connection
 */
export function openPostgres({
  url,
  name,
  log,
  connections = 10,
  patienceMs = usualPatienceMs,
}: {
  url: string;
  name: string;
  log: Log;
  connections?: number;
  patienceMs?: number;
}): Postgres {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: connections,
    connectionTimeoutMillis: patienceMs,
    idleTimeoutMillis: 60_000,
    statement_timeout: 30_000,
    // Lists step through indexes in many small parts, which the planner takes for much work: compiling them takes longer than running them.
    options: '-c jit=off',
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
  });
  // Without a listener the loss of a connection ends the process, whether it is idle or in a transaction.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle PostgreSQL connection was lost'));
  pool.on('connect', (client) => void client.on('error', () => {})); // its next statement fails

  let refused = 0;
  const failed = (thrown: unknown): unknown => {
    const error = translated(thrown, patienceMs);
    if (isPolybError(error) && error.reason === 'connections_exhausted') refused += 1;
    return error;
  };
  const names = new Map<string, string>();
  const statement = (text: string, values: readonly unknown[]): pg.QueryConfig => {
    let prepared = names.get(text);
    if (prepared === undefined) {
      prepared = createHash('sha1').update(text).digest('base64url');
      names.set(text, prepared);
    }
    return { name: prepared, text, values: values as unknown[] };
  };
  const on = (client: pg.Pool | pg.PoolClient): Queries => ({
    async query<Row>(text: string, values: readonly unknown[] = []) {
      try {
        return (await client.query(statement(text, values))).rows as Row[];
      } catch (error) {
        throw failed(error);
      }
    },
  });
  const connect = async (): Promise<pg.PoolClient> => {
    try {
      return await pool.connect();
    } catch (error) {
      throw failed(error);
    }
  };

  async function begin(): Promise<Begun> {
    const client = await connect();
    let isOver = false;
    const end = async (statement: 'commit' | 'rollback'): Promise<void> => {
      isOver = true;
      try {
        await client.query(statement);
        client.release();
      } catch (error) {
        client.release(true); // the session is broken; the pool must not reuse it
        throw statement === 'commit' ? inDoubt(translated(error, patienceMs)) : translated(error, patienceMs);
      }
    };
    try {
      await client.query('begin');
    } catch (error) {
      client.release(true);
      throw translated(error, patienceMs);
    }
    const { query } = on(client);
    return {
      // Another user of the pool may have the connection by then.
      query: async (text, values) => {
        if (isOver)
          throw new PolybError('internal', 'A transaction was used after its end; await everything inside it.', {
            reason: 'transaction_over',
          });
        return query(text, values);
      },
      commit: () => end('commit'),
      rollback: () => end('rollback'),
    };
  }

  return {
    ...on(pool),
    begin,
    async transaction(work) {
      const tx = await begin();
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await work(tx);
      } catch (thrown) {
        await tx.rollback().catch((error: unknown) => log.warn({ err: error }, 'a transaction ended with its connection'));
        throw thrown;
      }
      await tx.commit();
      return result;
    },
    async session(work) {
      const client = await connect();
      try {
        return await work({
          ...on(client),
          run: (script) =>
            client.query(script).then(
              () => {},
              (error) => {
                throw failed(error);
              },
            ),
        });
      } finally {
        client.release(true);
      }
    },
    pool: () => ({ most: connections, used: pool.totalCount - pool.idleCount, waiting: pool.waitingCount, refused }),
    close: () => pool.end(),
  };
}

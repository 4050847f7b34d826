/** What a run keeps for the engineer who has to explain its breach: who was stopped when, every long pause, the effects, the journal's rows. */
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Pause, watchPauses } from './pauses.ts';

export interface Evidence extends AsyncDisposable {
  /** One event of the run, with its time. */
  note(what: string, facts: object): void;
  paused(who: string, pause: Pause): void;
  /** A process is stopped on purpose: its pause proves nothing. */
  frozen(pid: number): void;
  /** Takes over the files of a test that is over. */
  keep(dir: string): Promise<void>;
  /** The journal's rows of this database belong to the evidence; they are read when it is written. */
  database(url: string): void;
  /** Reads the journal's rows of a database whose server is about to stop. */
  rows(url: string): Promise<void>;
  /** The longest pause that no test ordered: of a child, of the runner, or of a commit in PostgreSQL. */
  longestPauseMs(): number;
  /** Writes everything into `folder`. */
  write(folder: string): Promise<void>;
}

const probeMs = 200;
const longCommitMs = 500;

/** Watches until disposed; nothing is written unless `write` is called.
 *  @param staging an empty folder for files that are kept until the verdict; removed when disposed
 *  @param server the PostgreSQL whose commits are timed */
export function gatherEvidence(staging: string, server: string): Evidence {
  const events: object[] = [];
  const databases = new Set<string>();
  const ordered = new Set<number>();
  let longest = 0;
  const note = (what: string, facts: object): void => void events.push({ at: Date.now(), what, ...facts });
  const paused = (who: string, pause: Pause): void => {
    note('pause', { who, ...pause });
    longest = Math.max(longest, pause.ms);
  };
  const heart = watchPauses((pause) => paused('runner', pause));
  const over = new AbortController();
  const probing = timeCommits(server, over.signal, { note, paused });
  return {
    note,
    paused(who, pause) {
      const pid = Number(/\d+$/.exec(who)?.[0]);
      if (ordered.delete(pid)) note('pause, ordered', { who, ...pause });
      else paused(who, pause);
    },
    frozen: (pid) => void ordered.add(pid),
    async keep(dir) {
      await rename(dir, join(staging, basename(dir))).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error; // nothing was written there
      });
    },
    database: (url) => void databases.add(url),
    rows: (url) => writeRows(url, staging),
    longestPauseMs: () => longest,
    async write(folder) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'events.jsonl'), lines(events));
      for (const url of databases) await writeRows(url, folder);
      await cp(staging, folder, { recursive: true }); // the two may be on different file systems
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      heart[Symbol.dispose]();
      await probing;
      await rm(staging, { recursive: true, force: true });
    },
  };
}

const lines = (facts: readonly object[]): string => facts.map((fact) => `${JSON.stringify(fact)}\n`).join('');

async function writeRows(url: string, folder: string): Promise<void> {
  await writeFile(join(folder, `rows-${new URL(url).pathname.slice(1)}.jsonl`), lines(await rowsOf(url)));
}

/** Every row of the journal, or why there is none. */
async function rowsOf(url: string): Promise<readonly object[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    return (await client.query('select * from journal.rows order by seq')).rows as object[];
  } catch (error) {
    return [{ unreadable: String(error) }];
  } finally {
    await client.end().catch(() => {}); // it never connected
  }
}

/** Commits a few bytes durably every 200 ms and reports each commit that took half a second or more. */
async function timeCommits(server: string, signal: AbortSignal, { paused, note }: Pick<Evidence, 'paused' | 'note'>): Promise<void> {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // the next query says so
  try {
    await client.connect();
    for (;;) {
      const [from, began] = [Date.now(), performance.now()];
      await client.query(`select pg_logical_emit_message(true, 'probe', 'x')`);
      const ms = Math.round(performance.now() - began);
      if (ms >= longCommitMs) paused('a commit in PostgreSQL', { from, ms, clockJumpMs: 0 });
      await delay(probeMs, undefined, { signal });
    }
  } catch (error) {
    // A probe that breaks is no fault of the test; the evidence says from when on no commit was timed.
    if (!signal.aborted) note('no commit is timed any more', { why: String(error) });
  } finally {
    await client.end().catch(() => {}); // it may be gone already
  }
}

/** Transcripts of calls. */
import type { Queries } from '../../../bus/service.ts';
import type { TalkEntry, Waterfall } from './machine.ts';

export async function insertEntry(db: Queries, callId: string, n: number, entry: TalkEntry): Promise<void> {
  const { who, text, startedAt, endedAt, isInterrupted, waterfall } = entry;
  await db.query(
    `insert into call_orchestrator.transcript_entries (call_id, n, who, text, started_at, ended_at, is_interrupted, waterfall)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [callId, n, who, text.replaceAll('\0', '\uFFFD'), new Date(startedAt), new Date(endedAt), isInterrupted, waterfall],
  );
}

/** Maximum entries; a longer talk is cut at the end. */
const mostEntries = 5_000;

/** Entries in order of speech. */
export async function entriesOf(db: Queries, callId: string): Promise<readonly TalkEntry[]> {
  const rows = await db.query<{
    readonly who: TalkEntry['who'];
    readonly text: string;
    readonly started_at: Date;
    readonly ended_at: Date;
    readonly is_interrupted: boolean;
    readonly waterfall: Waterfall | null;
  }>(
    `select who, text, started_at, ended_at, is_interrupted, waterfall from call_orchestrator.transcript_entries
     where call_id = $1 order by started_at, n limit $2`,
    [callId, mostEntries],
  );
  return rows.map(({ who, text, started_at, ended_at, is_interrupted, waterfall }) => ({
    ...{ who, text, startedAt: started_at.getTime(), endedAt: ended_at.getTime(), isInterrupted: is_interrupted, waterfall },
  }));
}

/** Deletes entries older than this time. */
export async function forgetEntries(db: Queries, before: Date): Promise<void> {
  for (;;) {
    const deleted = await db.query(
      `delete from call_orchestrator.transcript_entries where ctid = any (array(
         select ctid from call_orchestrator.transcript_entries where started_at < $1 limit 1000)) returning 1`,
      [before],
    );
    if (deleted.length < 1000) return;
  }
}
export async function countEntries(db: Queries, callId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'select count(*)::int as count from call_orchestrator.transcript_entries where call_id = $1',
    [callId],
  );
  return row?.count ?? 0;
}

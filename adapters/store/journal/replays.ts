/** Replays of dead letters, one row at a time, each with the position of its replay in one transaction. */
import type { Database, Queries } from '../../deps.ts';
import { isDead } from './lists.ts';

export interface StoredReplay {
  readonly id: string;
  readonly method: string;
  readonly reason: string;
  readonly per_second: number;
  readonly most: number;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly retried: number;
  readonly skipped: number;
  readonly who: string;
  readonly why: string | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}
export interface NewReplay {
  readonly id: string;
  readonly method: string;
  readonly reason: string;
  readonly perSecond: number;
  readonly most: number;
  readonly who: string;
  readonly why?: string | undefined;
}
/** Retries a dead letter; false if it is none any more. */
type Retry = (tx: Queries, id: string, by: { readonly who: string; readonly did: string; readonly why: string }) => Promise<boolean>;
const columns = 'id, method, reason, per_second, most, state, retried, skipped, who, why, created_at, ended_at';
const keepDays = 90;
/** How much a replay may catch up after a pause of its process. */
const burst = `interval '2 seconds'`;

export function replayStore(db: Database, retry: Retry) {
  /** Whether the outcome of an attempt, or of a step of a run, is unknown: another attempt could repeat an effect. */
  const isUnknown = `(coalesce(error->>'outcome' = 'unknown' and on_unknown <> 'function', false)
    or exists (select from journal.rows part where part.parent = rows.id and part.state in ('attempting', 'unknown', 'review')))`;

  /** The row that was retried; null if there was none, or it was skipped. */
  async function next(replay: string): Promise<string | null> {
    return db.transaction(async (tx) => {
      // Locked first: another process may have moved its position, or the time of its next row, while this one waited.
      const [due] = await tx.query(
        `select from journal.replays where id = $1 and state = 'running' and next_at <= clock_timestamp() for update`,
        [replay],
      );
      if (due === undefined) return null;
      const [row] = await tx.query<{ id: string; is_unknown: boolean; who: string; why: string | null }>(
        `with next as (
           select dead.* from journal.replays replay cross join lateral (
             select id, created_at, seq, ${isUnknown} as is_unknown from journal.rows
             where ${isDead} and method = replay.method and reason = replay.reason
               and (created_at, seq) > (replay.done_at, replay.done_seq) and created_at <= replay.created_at and ended_at <= replay.created_at
             order by created_at, seq limit 1) dead
           where replay.id = $1)
         update journal.replays set done_at = next.created_at, done_seq = next.seq,
           next_at = greatest(next_at, clock_timestamp() - ${burst}) + make_interval(secs => 1 / per_second)
         from next where replays.id = $1 returning next.id, next.is_unknown, who, why`,
        [replay],
      );
      if (row === undefined) {
        await tx.query(`update journal.replays set state = 'done', ended_at = clock_timestamp() where id = $1`, [replay]);
        return null;
      }
      const isRetried = !row.is_unknown && (await retry(tx, row.id, { who: row.who, did: 'replayed', why: row.why ?? replay }));
      await tx.query(
        `update journal.replays set retried = retried + $2, skipped = skipped + 1 - $2,
           state = case when retried + skipped + 1 >= most then 'done' else state end,
           ended_at = case when retried + skipped + 1 >= most then clock_timestamp() end
         where id = $1`,
        [replay, isRetried ? 1 : 0],
      );
      return isRetried ? row.id : null;
    });
  }

  return {
    /** Null while another one of this method and reason is running. */
    async start({ id, method, reason, perSecond, most, who, why }: NewReplay): Promise<StoredReplay | null> {
      await db.query('delete from journal.replays where ended_at < now() - make_interval(days => $1)', [keepDays]);
      const [made] = await db.query<StoredReplay>(
        `insert into journal.replays (id, method, reason, per_second, most, who, why) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (method, reason) where state = 'running' do nothing returning ${columns}`,
        [id, method, reason, perSecond, most, who, why ?? null],
      );
      return made ?? null;
    },
    /** Null without a replay of this id. */
    async cancel(id: string): Promise<StoredReplay | null> {
      await db.query(`update journal.replays set state = 'cancelled', ended_at = clock_timestamp() where id = $1 and state = 'running'`, [
        id,
      ]);
      const [replay] = await db.query<StoredReplay>(`select ${columns} from journal.replays where id = $1`, [id]);
      return replay ?? null;
    },
    async list(limit: number): Promise<readonly StoredReplay[]> {
      return db.query<StoredReplay>(`select ${columns} from journal.replays order by created_at desc, id limit $1`, [limit]);
    },
    /** Retries one row of each replay that is due, and reports it; false if there is none. */
    async turn(signal: AbortSignal, retried: (rowId: string) => Promise<void>): Promise<boolean> {
      const due = await db.query<{ id: string }>(
        `select id from journal.replays where state = 'running' and next_at <= clock_timestamp() order by next_at limit 20`,
      );
      for (const { id } of due) {
        if (signal.aborted) return false;
        const rowId = await next(id);
        if (rowId !== null) await retried(rowId);
      }
      return due.length > 0;
    },
  };
}

/** What lies before people: counted from the oldest on, up to a number, so that a flood of it costs no more. */
import type { Queries } from '../deps.ts';

export interface Pile {
  /** `dead`: dead letters of one method; `proposed`: approvals of one channel; `review`: unknown outcomes. */
  readonly kind: 'dead' | 'proposed' | 'review';
  readonly of: string;
  readonly rows: number;
  readonly oldestSeconds: number;
}
const most = 10_000;

export function piles(db: Queries): Promise<readonly Pile[]> {
  return db.query<Pile>(
    `select kind, "of", count(*)::int as rows, greatest(0, extract(epoch from now() - min(created_at)))::float8 as "oldestSeconds" from (
       (select 'dead' as kind, method as "of", created_at from journal.rows
        where state in ('failed', 'expired') and mode in ('send', 'run', 'event') order by seq limit ${most})
       union all
       (select 'proposed', coalesce(input->>'channel', 'none'), created_at from journal.rows where state = 'proposed' order by seq limit ${most})
       union all
       (select 'review', method, created_at from journal.rows where state = 'review' order by seq limit ${most})
     ) as piled group by kind, "of"`,
  );
}

/** The last known state of records at providers. */
import type { Queries } from '../../../bus/service.ts';
import type { Kind } from './incoming.ts';

export interface RecordKey {
  readonly kind: Kind;
  readonly connection: string;
  readonly entity: string;
  readonly id: string;
}
export interface Known {
  readonly state: unknown;
  readonly isOver: boolean;
  readonly writtenAt: Date | null;
}
/** Locks the record, whether it is known or not, until the transaction ends. */
export async function lockKnown(tx: Queries, { kind, connection, entity, id }: RecordKey): Promise<Known | null> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('polyb record ' || $1, 0))`, [`${kind} ${connection} ${entity} ${id}`]);
  const [row] = await tx.query<{ readonly state: unknown; readonly is_over: boolean; readonly written_at: Date | null }>(
    'select state, is_over, written_at from crm_connector.known where kind = $1 and connection = $2 and entity = $3 and record_id = $4',
    [kind, connection, entity, id],
  );
  return row === undefined ? null : { state: row.state, isOver: row.is_over, writtenAt: row.written_at };
}
export async function putKnown(
  tx: Queries,
  { kind, connection, entity, id }: RecordKey,
  { state, startsAt = null, isOver = false }: { readonly state: unknown; readonly startsAt?: Date | null; readonly isOver?: boolean },
): Promise<void> {
  await tx.query(
    `insert into crm_connector.known (kind, connection, entity, record_id, state, starts_at, is_over) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (kind, connection, entity, record_id) do update
       set state = excluded.state, starts_at = excluded.starts_at, is_over = excluded.is_over, seen_at = now()`,
    [kind, connection, entity, id, JSON.stringify(state), startsAt, isOver],
  );
}
/** This system has just written the record. */
export async function markWritten(db: Queries, { kind, connection, entity, id }: RecordKey): Promise<void> {
  await db.query(
    `insert into crm_connector.known (kind, connection, entity, record_id, state, written_at) values ($1, $2, $3, $4, 'null', now())
     on conflict (kind, connection, entity, record_id) do update set written_at = now()`,
    [kind, connection, entity, id],
  );
}
/** Appointments that are known to begin in the span and are not over, at most 1,000. */
export async function comingKnown(db: Queries, connection: string, from: Date, to: Date): Promise<readonly string[]> {
  const rows = await db.query<{ readonly record_id: string }>(
    `select record_id from crm_connector.known where kind = 'booking' and connection = $1 and not is_over and starts_at >= $2 and starts_at < $3
     order by starts_at limit 1000`,
    [connection, from, to],
  );
  return rows.map(({ record_id }) => record_id);
}
export async function hasBaseline(db: Queries, kind: Kind, connection: string): Promise<boolean> {
  return (await db.query('select 1 from crm_connector.baselines where kind = $1 and connection = $2', [kind, connection])).length > 0;
}
export async function setBaseline(tx: Queries, kind: Kind, connection: string): Promise<void> {
  await tx.query('insert into crm_connector.baselines (kind, connection) values ($1, $2) on conflict do nothing', [kind, connection]);
}
/** Records that nobody has heard of for long. */
export async function forgetKnown(db: Queries, before: Date): Promise<void> {
  await db.query('delete from crm_connector.known where coalesce(starts_at, seen_at) < $1', [before]);
}

/** Changes that providers have delivered, until the records are read again. */
import type { ChangedEntity, VendorChange } from '../../../adapters/crm-webhook.ts';
import type { Queries } from '../../../bus/service.ts';

export type Kind = 'crm' | 'booking';
export interface Incoming {
  readonly kind: Kind;
  readonly connection: string;
  readonly entity: ChangedEntity;
  readonly id: string;
  readonly change: VendorChange['change'];
  readonly deliveries: number;
}
const retryMs = [5_000, 30_000, 120_000, 600_000];

/** @param settleMs how much later the records are read: a change of our own is stored here by then */
export async function putIncoming(
  tx: Queries,
  { kind, connection }: { readonly kind: Kind; readonly connection: string },
  changes: readonly VendorChange[],
  settleMs: number,
): Promise<void> {
  // A record that changed twice in one delivery is one row: the last change counts.
  const last = new Map(changes.map((each) => [`${each.entity} ${each.id}`, each]));
  const all = [...last.values()];
  await tx.query(
    `insert into crm_connector.incoming as i (kind, connection, entity, record_id, change, due_at)
     select $1, $2, entity, id, change, now() + $6 * interval '1 millisecond'
     from unnest($3::text[], $4::text[], $5::text[]) as given(entity, id, change)
     on conflict (kind, connection, entity, record_id) do update
       set change = excluded.change, deliveries = i.deliveries + 1, due_at = least(i.due_at, excluded.due_at)`,
    [kind, connection, all.map(({ entity }) => entity), all.map(({ id }) => id), all.map(({ change }) => change), settleMs],
  );
}
export async function dueIncoming(db: Queries, limit: number): Promise<readonly Incoming[]> {
  return db.query<Incoming>(
    `select kind, connection, entity, record_id as id, change, deliveries from crm_connector.incoming
     where due_at <= now() order by due_at limit $1`,
    [limit],
  );
}
/** Not if it was delivered again meanwhile: the record may have changed since it was read. */
export async function endIncoming(tx: Queries, { kind, connection, entity, id, deliveries }: Incoming): Promise<void> {
  await tx.query(
    'delete from crm_connector.incoming where kind = $1 and connection = $2 and entity = $3 and record_id = $4 and deliveries = $5',
    [kind, connection, entity, id, deliveries],
  );
}
export async function retryIncoming(db: Queries, { kind, connection, entity, id }: Incoming): Promise<void> {
  await db.query(
    `update crm_connector.incoming set tries = tries + 1,
       due_at = now() + ($5::integer[])[least(tries + 1, array_length($5::integer[], 1))] * interval '1 millisecond'
     where kind = $1 and connection = $2 and entity = $3 and record_id = $4`,
    [kind, connection, entity, id, retryMs],
  );
}

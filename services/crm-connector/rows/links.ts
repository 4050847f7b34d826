/** Clients of booking systems as contacts of the primary CRM. */
import type { Queries } from '../../../bus/service.ts';

export interface Difference {
  readonly field: 'name' | 'phone' | 'email';
  readonly crm: string | null;
  readonly booking: string | null;
}
export interface Link {
  readonly connection: string;
  readonly clientId: string;
  readonly contactId: string;
  readonly differs: readonly Difference[];
}
export async function contactOf(db: Queries, connection: string, clientId: string): Promise<string | null> {
  const [row] = await db.query<{ readonly contact_id: string }>(
    'select contact_id from crm_connector.links where connection = $1 and client_id = $2',
    [connection, clientId],
  );
  return row?.contact_id ?? null;
}
export async function putLink(tx: Queries, { connection, clientId, contactId, differs }: Link): Promise<void> {
  await tx.query(
    `insert into crm_connector.links (connection, client_id, contact_id, differs) values ($1, $2, $3, $4)
     on conflict (connection, client_id) do update set contact_id = excluded.contact_id, differs = excluded.differs, checked_at = now()`,
    [connection, clientId, contactId, JSON.stringify(differs)],
  );
}
/** Links whose sides differ, by connection and client. @param after the last one of the page before */
export async function differingLinks(
  db: Queries,
  limit: number,
  after: readonly [connection: string, clientId: string],
): Promise<readonly (Link & { readonly checkedAt: Date })[]> {
  return db.query(
    `select connection, client_id as "clientId", contact_id as "contactId", differs, checked_at as "checkedAt" from crm_connector.links
     where differs <> '[]' and (connection, client_id) > ($2, $3) order by connection, client_id limit $1`,
    [limit, ...after],
  );
}

/** Customers of several channels whom a person of the staff knows to be one client. */
import { newId } from '../../../bus/durable/identity.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { badCursor, narrowedTo } from '../../../contracts/common.ts';
import { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Client, findClient } from './customers.ts';
import { identitiesOf, parameters, seenPeople, type Viewer } from './seen.ts';

type Page = OutputOf<typeof inbox.list_client_merges>;
interface Locked {
  readonly customerId: string;
  readonly isClient: boolean;
}

/**
 * The customer becomes another identity of `into`. Merging what is merged already changes nothing. Null if there is no such client, or the
 * person who looks may not see one of them.
 * @throws PolybError failed_precondition for staff, a bot or an erased customer; permission_denied where a chat of one is another's.
 */
export async function mergeClients(
  tx: Tx,
  {
    customerId,
    into,
    ...by
  }: { readonly customerId: string; readonly into: string; readonly who: string; readonly at: Date; readonly viewer: Viewer },
): Promise<Client | null> {
  // The lock of all merges: of two opposite ones the second sees the first.
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('polyb merge clients', 0))`);
  const [from, to] = [await findClient(tx, customerId, by.viewer), await findClient(tx, into, by.viewer)];
  if (from === null || to === null) return null;
  if (from.customerId === to.customerId) return to;
  const both = [from.customerId, to.customerId];
  const locked = await tx.query<Locked>(
    `select user_id as "customerId", role = 'client' and erased_at is null as "isClient" from collector.users
     where user_id = any ($1) order by user_id for no key update`,
    [both],
  );
  if (locked.length < both.length) return null;
  if (locked.some(({ isClient }) => !isClient))
    throw new PolybError('failed_precondition', 'Only clients can be merged: neither staff nor bots nor an erased client.', {
      reason: 'not_clients',
    });
  await assertSeenWhole(tx, both, by.viewer);
  await tx.query('update collector.users set merged_into = $2 where user_id = $1 or merged_into = $1', both);
  await tx.query('insert into collector.client_merges (merge_id, customer_id, merged_into, who, at) values ($1, $2, $3, $4, $5)', [
    ...[newId('merge'), ...both, by.who, by.at],
  ]);
  tx.emit(inbox.clients_merged, { customerId: from.customerId, into: to.customerId, who: by.who, at: by.at.toISOString() });
  return findClient(tx, to.customerId, by.viewer);
}

/** A manager who sees a part of a client would decide about conversations that they cannot read. */
async function assertSeenWhole(tx: Queries, customerIds: readonly string[], viewer: Viewer): Promise<void> {
  const personId = narrowedTo(viewer);
  if (personId === null) return;
  const hidden = await tx.query(
    `select from unnest($1::text[]) of (user_id) join collector.chat_members member on member.user_id = any (${identitiesOf('of.user_id')})
       join collector.chats chat using (chat_id) where chat.assigned_to <> $2 limit 1`,
    [customerIds, personId],
  );
  if (hidden.length > 0)
    throw new PolybError('permission_denied', 'Another manager is in charge of a chat of one of the clients.', { reason: 'not_whole' });
}

/** A page, newest first. */
export async function pageOfMerges(
  db: Queries,
  { viewer, limit, cursor }: { readonly viewer?: Viewer; readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page> {
  if (cursor !== undefined && !/^merge_[\da-z]{10,40}$/.test(cursor)) throw badCursor();
  const { values, value } = parameters();
  const where = [
    ...(cursor === undefined ? [] : [`merge_id < ${value(cursor)}`]),
    ...seenPeople(viewer, 'client_merges.merged_into', value),
  ];
  const rows = await db.query<Omit<Page['items'][number], 'at'> & { readonly at: Date }>(
    `select merge_id as "mergeId", customer_id as "customerId", merged_into as "into", who, at from collector.client_merges
     ${where.length > 0 ? `where ${where.join(' and ')}` : ''} order by merge_id desc limit ${value(limit + 1)}`,
    values,
  );
  const items = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.mergeId ?? null) : null };
}

import type { Queries, Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import { identitiesOf } from './seen.ts';

interface Owned {
  readonly customerId: string;
  readonly phoneNumber: string | null;
  readonly personIds: readonly string[];
  /** An earlier report named a phone. */
  readonly isReported: boolean;
  readonly at: Date;
}
const mostPeople = 100;

/** Reports the customer in any case: an erasure deletes the reports about them, those that are not handled yet too. */
export async function reportAgain(tx: Queries, customerId: string): Promise<void> {
  await tx.query('insert into collector.reported_customers (customer_id) values ($1) on conflict do nothing', [customerId]);
  await tx.query('insert into collector.changed_customers (customer_id) values ($1)', [customerId]);
}

/**
 * Reports the people in charge of the chats of at most so many customers who changed; returns the number of changes. One transaction at a
 * time, with the clock of the database: a later report is never older.
 */
export async function reportPhoneOwners(tx: Tx, most: number): Promise<number> {
  const [turn] = await tx.query<{ isOwn: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('polyb phone owners', 0)) as "isOwn"`,
  );
  if (turn?.isOwn !== true) return 0;
  const changed = await tx.query<{ customerId: string }>(
    `delete from collector.changed_customers where id in (select id from collector.changed_customers order by id limit $1)
     returning customer_id as "customerId"`,
    [most],
  );
  if (changed.length === 0) return 0;
  // A statement of its own: it sees all that the changes were committed with.
  const customers = await tx.query<Owned>(
    `select customer.id as "customerId", owned.phone_number as "phoneNumber", coalesce(owned.person_ids, '{}') as "personIds",
       clock_timestamp() as at,
       exists (select from collector.reported_customers reported where reported.customer_id = customer.id) as "isReported"
     from (
       select unnest($1::text[]) as id
       union select same.id from collector.users changed
         cross join lateral unnest(${identitiesOf('coalesce(changed.merged_into, changed.user_id)')}) same (id) where changed.user_id = any ($1)
     ) customer left join lateral (
       select person.phone_number, array_agg(distinct chat.assigned_to) as person_ids
       from collector.users person
         cross join lateral unnest(${identitiesOf('coalesce(person.merged_into, person.user_id)')}) same (id)
         join collector.chat_members member on member.user_id = same.id
         join collector.chats chat using (chat_id)
       where person.user_id = customer.id and person.role = 'client' and person.phone_number is not null and chat.assigned_to is not null
       group by person.phone_number
     ) owned on true`,
    [[...new Set(changed.map(({ customerId }) => customerId))]],
  );
  const owned = customers.filter(({ phoneNumber }) => phoneNumber !== null);
  const gone = customers.filter(({ phoneNumber, isReported }) => phoneNumber === null && isReported);
  await tx.query('insert into collector.reported_customers (customer_id) select unnest($1::text[]) on conflict do nothing', [
    owned.map(({ customerId }) => customerId),
  ]);
  await tx.query('delete from collector.reported_customers where customer_id = any ($1)', [gone.map(({ customerId }) => customerId)]);
  for (const { customerId, phoneNumber, personIds, at } of [...owned, ...gone])
    tx.emit(inbox.phone_owners_changed, {
      customerId,
      phoneNumber,
      personIds: personIds.slice(0, mostPeople),
      at: at.toISOString(),
    });
  return changed.length;
}

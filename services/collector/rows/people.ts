/** People as rows: found, created and renamed. The channel gives the first role of a person; afterwards only people change it. */
import type { z } from 'zod';
import type { ChannelName, ReadPerson } from '../../../adapters/channel/port.ts';
import { newId } from '../../../bus/durable/identity.ts';
import type { Queries } from '../../../bus/service.ts';
import type { UserRole } from '../../../contracts/inbox.ts';
import type { IdChange } from './aliases.ts';

export interface Person {
  readonly customerId: string;
  readonly role: z.output<typeof UserRole>;
  readonly isStaff: boolean;
  readonly isBot: boolean;
}
/** Null if the channel did not name the sender. */
export type PersonOf = (person: Pick<ReadPerson, 'externalId'> | null) => Person | null;
interface Sighting {
  readonly person: ReadPerson | null;
  /** Unix ms. */
  readonly at: number;
}

/** Finds and locks the people, and creates missing ones. */
export async function peopleOf(tx: Queries, channel: ChannelName, seen: readonly Sighting[]): Promise<PersonOf> {
  const wanted = new Map(seen.flatMap(({ person, at }) => (person === null ? [] : [[person.externalId, { person, at }] as const])));
  const known = await find(tx, channel, [...wanted.keys()]);
  const missing = [...wanted].filter(([externalId]) => !known.has(externalId)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (missing.length > 0) {
    const rows = missing.map(([externalId, { person, at }]) => ({
      user_id: newId('usr'),
      external_id: externalId,
      name: person.name,
      username: person.username,
      phone_number: person.phoneNumber,
      role: person.firstRole,
      at: new Date(at),
    }));
    await tx.query(
      `insert into collector.users (user_id, channel, external_id, name, username, phone_number, role, first_seen_at, last_seen_at)
       select user_id, $1, external_id, name, username, phone_number, role, at, at
       from json_to_recordset($2) as row (user_id text, external_id text, name text, username text, phone_number text, role text, at timestamptz)
       on conflict (channel, external_id) do nothing`,
      [channel, JSON.stringify(rows)],
    );
    for (const [externalId, person] of await find(
      tx,
      channel,
      missing.map(([externalId]) => externalId),
    ))
      known.set(externalId, person);
  }
  // A sender that the channel proves to write for the business is not a customer, even after writing as one before.
  const staff = [...wanted].flatMap(([id, { person }]) => (person.firstRole === 'manager' && known.get(id)?.role === 'client' ? [id] : []));
  if (staff.length > 0) {
    await tx.query(`update collector.users set role = 'manager' where channel = $1 and external_id = any ($2) and role = 'client'`, [
      channel,
      staff,
    ]);
    for (const [externalId, person] of await find(tx, channel, staff)) known.set(externalId, person);
  }
  return (person) => (person === null ? null : (known.get(person.externalId) ?? null));
}

async function find(tx: Queries, channel: ChannelName, externalIds: readonly string[]): Promise<Map<string, Person>> {
  if (externalIds.length === 0) return new Map();
  const rows = await tx.query<{ external_id: string; user_id: string; role: Person['role']; is_staff: boolean; is_bot: boolean }>(
    `select users.external_id, users.user_id, users.role, roles.is_staff, roles.is_bot
     from collector.users join collector.user_roles roles using (role)
     where users.channel = $1 and users.external_id = any ($2) order by users.user_id for no key update of users`,
    [channel, externalIds],
  );
  return new Map(
    rows.map((row) => [row.external_id, { customerId: row.user_id, role: row.role, isStaff: row.is_staff, isBot: row.is_bot }]),
  );
}

/** A person moves to another id. The person already there is the same one, and the former row is deleted. */
export async function movePerson(tx: Queries, channel: ChannelName, { from, to }: IdChange): Promise<void> {
  const known = await find(tx, channel, [from, to.externalId]);
  const [old, other] = [known.get(from)?.customerId, known.get(to.externalId)?.customerId];
  if (old === undefined) return;
  if (other === undefined) {
    // An erased person gets no phone back.
    await tx.query(
      `update collector.users set external_id = $2, phone_number = case when erased_at is null or phone_number is not null then $3 end
       where user_id = $1`,
      [old, to.externalId, to.phoneNumber],
    );
    return;
  }
  await tx.query('update collector.messages set sender_id = $2 where sender_id = $1', [old, other]);
  await tx.query(
    `insert into collector.chat_members (user_id, chat_id)
     select $2, chat_id from collector.chat_members where user_id = $1 on conflict do nothing`,
    [old, other],
  );
  await tx.query(
    `update collector.chats set customer_id = $2
     where customer_id = $1 and chat_id in (select chat_id from collector.chat_members where user_id = $1)`,
    [old, other],
  );
  await keepMerges(tx, old, other);
  await tx.query(
    `with old as (delete from collector.users where user_id = $1 returning *)
     update collector.users person set
       name = case when person.name = '' or (old.name <> '' and old.last_seen_at > person.last_seen_at) then old.name else person.name end,
       username = coalesce(old.username, person.username),
       role = case when person.role = 'client' then old.role else person.role end,
       messages = person.messages + old.messages,
       first_seen_at = least(person.first_seen_at, old.first_seen_at),
       last_seen_at = greatest(person.last_seen_at, old.last_seen_at)
     from old where person.user_id = $2`,
    [old, other],
  );
}

/** What was merged into `old`, or `old` into it, is one client with `other` from now on. */
async function keepMerges(tx: Queries, old: string, other: string): Promise<void> {
  const [kept] = await tx.query<{ root: string | null }>(
    `select coalesce(min(merged_into) filter (where user_id = $2), min(merged_into) filter (where user_id = $1)) as root
     from collector.users where user_id in ($1, $2) and merged_into not in ($1, $2)`,
    [old, other],
  );
  const root = kept?.root ?? null;
  await tx.query(
    `update collector.users set merged_into = case when user_id = $2 then $3::text else coalesce($3, $2) end
     where user_id <> coalesce($3, '') and user_id <> $1 and (merged_into in ($1, $2) or (user_id = $2 and merged_into is distinct from $3))`,
    [old, other, root],
  );
}

/** Counts their messages, and updates their names. */
export async function touchPeople(
  tx: Queries,
  channel: ChannelName,
  wrote: readonly { readonly person: ReadPerson; readonly at: number }[],
): Promise<void> {
  const rows = [...Map.groupBy(wrote, ({ person }) => person.externalId)].map(([externalId, times]) => {
    const latest = (all: typeof times) => all.reduce((a, b) => (b.at >= a.at ? b : a));
    const last = latest(times);
    const phones = times.filter(({ person }) => person.phoneNumber !== null);
    return {
      external_id: externalId,
      name: last.person.name,
      username: last.person.username,
      phone_number: phones.length === 0 ? null : latest(phones).person.phoneNumber,
      messages: times.length,
      first: new Date(Math.min(...times.map(({ at }) => at))),
      last: new Date(last.at),
    };
  });
  if (rows.length === 0) return;
  await tx.query(
    `update collector.users person set
       name = case when row.name = '' or row.last < person.last_seen_at then person.name else row.name end,
       username = case when row.last < person.last_seen_at then person.username else row.username end,
       phone_number = case when row.last < person.last_seen_at
         then coalesce(person.phone_number, row.phone_number) else coalesce(row.phone_number, person.phone_number) end,
       messages = person.messages + row.messages,
       first_seen_at = least(person.first_seen_at, row.first),
       last_seen_at = greatest(person.last_seen_at, row.last)
     from json_to_recordset($2) as row (external_id text, name text, username text, phone_number text, messages int, first timestamptz, last timestamptz)
     where person.channel = $1 and person.external_id = row.external_id`,
    [channel, JSON.stringify(rows)],
  );
  // The client into whom one of them was merged has written as well. One who is being written is not older for that.
  await tx.query(
    `with wrote as (
       select merged_into as user_id, max(last_seen_at) as at from collector.users
       where channel = $1 and external_id = any ($2) and merged_into is not null group by merged_into
     ), client as (
       select client.user_id, wrote.at from collector.users client join wrote using (user_id) where client.last_seen_at < wrote.at
       for no key update of client skip locked
     )
     update collector.users person set last_seen_at = client.at from client where person.user_id = client.user_id`,
    [channel, rows.map(({ external_id }) => external_id)],
  );
}

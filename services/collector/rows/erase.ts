/** Erases a customer from the inbox and from all data derived from their messages. */
import type { ChannelName } from '../../../adapters/channel/port.ts';
import type { Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import { setAssigned } from './assigned.ts';
import { eraseFiles } from './files.ts';
import { reportAgain } from './phone-owners.ts';
import { eraseRaw } from './raw-updates.ts';
import { forgetWords } from './search.ts';
import { identitiesOf } from './seen.ts';

/** A customer by id, or by channel id: an unknown customer may still appear in a raw update. */
export type ErasureTarget = { readonly customerId: string } | { readonly channel: ChannelName; readonly externalId: string };
/** By channel: fields of a raw update that contain the id of a person. */
export type PersonFields = ReadonlyMap<string, readonly string[]>;
/** Ids per event. */
const atOnce = 500;

interface Person {
  readonly customerId: string;
  readonly channel: ChannelName;
  readonly externalId: string;
  readonly phoneNumber: string | null;
  readonly isStaff: boolean;
}

/**
 * Rows that others count on remain, without names, texts, files and channel ids; so the customer counts as new when writing again.
 * A private chat is erased completely, with both sides, and accepts no further messages. So are customers who were merged with this one. Returns the number of messages; null for an unknown customer.
 */
export async function erase(
  tx: Tx,
  whom: ErasureTarget,
  fields: PersonFields,
): Promise<{ readonly customerId: string | null; readonly messages: number } | null> {
  const erased = await eraseIdentity(tx, whom, fields);
  if (erased === null || erased.customerId === null) return erased;
  const others = await tx.query<{ customerId: string }>(
    `select same.id as "customerId" from collector.users whom
       cross join lateral unnest(${identitiesOf('coalesce(whom.merged_into, whom.user_id)')}) same (id)
       join collector.users person on person.user_id = same.id
     where whom.user_id = $1 and same.id <> $1 and person.erased_at is null order by same.id`,
    [erased.customerId],
  );
  let { messages } = erased;
  for (const { customerId } of others) messages += (await eraseIdentity(tx, { customerId }, fields))?.messages ?? 0;
  return { ...erased, messages };
}

async function eraseIdentity(tx: Tx, whom: ErasureTarget, fields: PersonFields): ReturnType<typeof erase> {
  const [person] = await tx.query<Person>(
    `select user_id as "customerId", channel, external_id as "externalId", phone_number as "phoneNumber", is_staff as "isStaff"
     from collector.users join collector.user_roles using (role)
     where user_id = $1 or (channel = $2 and external_id = coalesce(
       (select known_as from collector.user_aliases where channel = $2 and external_id = $3 order by until desc limit 1), $3))`,
    'customerId' in whom ? [whom.customerId, null, null] : [null, whom.channel, whom.externalId],
  );
  if (person === undefined && 'customerId' in whom) return null;
  const { channel, externalId } = person ?? (whom as Exclude<ErasureTarget, { customerId: string }>);
  const names = await namesOf(tx, channel, externalId);
  const chats = person === undefined || person.isStaff ? [] : await privateChats(tx, person, names);
  const messages = await tx.query<{ messageId: string; externalId: string }>(
    'select message_id as "messageId", external_id as "externalId" from collector.messages where sender_id = $1 or chat_id = any ($2) for update',
    [person?.customerId ?? null, chats],
  );
  const ids = messages.map(({ messageId }) => messageId);
  const known = [...names, ...(person?.phoneNumber ? [person.phoneNumber] : [])];
  tx.forget({
    ids: [...(person === undefined ? [] : [person.customerId]), ...chats, ...ids],
    names: [...known, ...messages.map((of) => of.externalId)],
    mentions: known,
  });
  await eraseRaw(tx, channel, names, fields.get(channel) ?? []);
  if (person !== undefined) {
    await eraseMessages(
      tx,
      ids,
      chats,
      messages.map((of) => of.externalId),
    );
    await tx.query(
      `update collector.users set name = '', username = null, phone_number = null, external_id = 'erased:' || user_id, erased_at = coalesce(erased_at, now())
       where user_id = $1`,
      [person.customerId],
    );
    emitErased(tx, person.customerId, chats, ids);
    await reportAgain(tx, person.customerId);
  }
  return { customerId: person?.customerId ?? null, messages: ids.length };
}

/** All channel ids of the customer; aliases are deleted. */
async function namesOf(tx: Tx, channel: ChannelName, externalId: string): Promise<readonly string[]> {
  const aliases = await tx.query<{ externalId: string }>(
    `delete from collector.user_aliases alias
     where channel = $1 and (known_as = $2 or external_id = $2 or exists (
       select from collector.user_aliases other where other.channel = $1 and other.external_id = alias.external_id and other.known_as = $2))
     returning external_id as "externalId"`,
    [channel, externalId],
  );
  return [...new Set([externalId, ...aliases.map((alias) => alias.externalId)])];
}

/** Locked: outbound messages are stored under the same lock. Includes chats that were merged into these. */
async function privateChats(tx: Tx, { customerId, channel }: Person, names: readonly string[]): Promise<readonly string[]> {
  const rows = await tx.query<{ chatId: string }>(
    `with own as (
       select chat_id from collector.chats where channel = $1 and kind = 'private' and (regexp_replace(external_id, '^.*:', '') = any ($2)
         or chat_id in (select chat_id from collector.messages where sender_id = $3)))
     select chat_id as "chatId" from collector.chats where chat_id in (select chat_id from own) or merged_into in (select chat_id from own)
     order by chat_id for update`,
    [channel, names, customerId],
  );
  return rows.map(({ chatId }) => chatId);
}

async function eraseMessages(tx: Tx, ids: readonly string[], chats: readonly string[], externalIds: readonly string[]): Promise<void> {
  await forgetWords(tx, ids);
  await tx.query('delete from collector.message_versions where message_id = any ($1)', [ids]);
  await tx.query(`update collector.voices set body = null, state = 'gone', file_id = '' where message_id = any ($1)`, [ids]);
  await eraseFiles(tx, ids);
  await tx.query(
    `update collector.messages set text = '', transcript = null, content = '[]', reactions = '[]',
       chat_external_id = case when chat_id = any ($2) then 'erased:' || chat_id else chat_external_id end,
       external_id = case when chat_id = any ($2) then message_id else external_id end,
       reply_to = case when chat_id = any ($2) then null else reply_to end
     where message_id = any ($1)`,
    [ids, chats],
  );
  await tx.query(
    `delete from collector.message_statuses status using collector.chats chat
     where chat.chat_id = any ($1) and status.channel = chat.channel and status.bot_id = chat.bot_id and status.external_id = any ($2)`,
    [chats, externalIds],
  );
  await tx.query('delete from collector.chat_aliases where chat_id = any ($1)', [chats]);
  await tx.query('delete from collector.notes where chat_id = any ($1)', [chats]);
  await setAssigned(tx, chats, null, null);
  await tx.query(
    `update collector.chats set external_id = 'erased:' || chat_id, title = null, is_reachable = false, intent = null,
       is_urgent = false, waiting_since = null, unanswered = 0 where chat_id = any ($1)`,
    [chats],
  );
}

function emitErased(tx: Tx, customerId: string, chats: readonly string[], messages: readonly string[]): void {
  for (let from = 0; from === 0 || from < Math.max(chats.length, messages.length); from += atOnce)
    tx.emit(inbox.person_erased, {
      customerId,
      userId: customerId,
      chatIds: chats.slice(from, from + atOnce),
      messageIds: messages.slice(from, from + atOnce),
      at: new Date().toISOString(),
    });
}

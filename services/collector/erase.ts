/** Takes a person out of the inbox and out of all that was done with what they wrote. */
import type { ChannelName } from '../../adapters/channel/port.ts';
import type { Tx } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { eraseFiles } from './files.ts';
import { forgetWords } from './search.ts';

/** Somebody by our id, or by what their channel calls them: of who never became a person here a raw update may be left. */
export type Erased = { readonly userId: string } | { readonly channel: ChannelName; readonly externalId: string };
/** So many ids in one event. */
const atOnce = 500;

interface Person {
  readonly userId: string;
  readonly channel: ChannelName;
  readonly externalId: string;
  readonly phoneNumber: string | null;
  readonly isStaff: boolean;
}

/**
 * Rows stay where others count on them, without a name, a word, a file or an id of the channel; so who writes again later is somebody new.
 * A private chat goes whole, with our side of it, and nothing can be sent there any more. Answers how many messages; null when there is no such person.
 */
export async function erase(tx: Tx, whom: Erased): Promise<{ readonly userId: string | null; readonly messages: number } | null> {
  const [person] = await tx.query<Person>(
    `select user_id as "userId", channel, external_id as "externalId", phone_number as "phoneNumber", is_staff as "isStaff"
     from collector.users join collector.user_roles using (role)
     where user_id = $1 or (channel = $2 and external_id = coalesce(
       (select known_as from collector.user_aliases where channel = $2 and external_id = $3 order by until desc limit 1), $3))`,
    'userId' in whom ? [whom.userId, null, null] : [null, whom.channel, whom.externalId],
  );
  if (person === undefined && 'userId' in whom) return null;
  const { channel, externalId } = person ?? (whom as Exclude<Erased, { userId: string }>);
  const names = await namesOf(tx, channel, externalId);
  const chats = person === undefined || person.isStaff ? [] : await privateChats(tx, person, names);
  const messages = await tx.query<{ messageId: string; externalId: string }>(
    'select message_id as "messageId", external_id as "externalId" from collector.messages where sender_id = $1 or chat_id = any ($2) for update',
    [person?.userId ?? null, chats],
  );
  const ids = messages.map(({ messageId }) => messageId);
  const known = [...names, ...(person?.phoneNumber ? [person.phoneNumber] : [])];
  tx.forget({
    ids: [...(person === undefined ? [] : [person.userId]), ...chats, ...ids],
    names: [...known, ...messages.map((of) => of.externalId)],
    mentions: known,
  });
  await eraseRaw(tx, channel, names);
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
      [person.userId],
    );
    emitErased(tx, person.userId, chats, ids);
  }
  return { userId: person?.userId ?? null, messages: ids.length };
}

/** All that the channel calls them by; the aliases go. */
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

/** Locked: what we send is stored under the same lock. Chats that were merged into one of them are among them. */
async function privateChats(tx: Tx, { userId, channel }: Person, names: readonly string[]): Promise<readonly string[]> {
  const rows = await tx.query<{ chatId: string }>(
    `with own as (
       select chat_id from collector.chats where channel = $1 and kind = 'private' and (regexp_replace(external_id, '^.*:', '') = any ($2)
         or chat_id in (select chat_id from collector.messages where sender_id = $3)))
     select chat_id as "chatId" from collector.chats where chat_id in (select chat_id from own) or merged_into in (select chat_id from own)
     order by chat_id for update`,
    [channel, names, userId],
  );
  return rows.map(({ chatId }) => chatId);
}

/** Short names that are numbers are looked for only where a raw update names somebody. */
async function eraseRaw(tx: Tx, channel: ChannelName, names: readonly string[]): Promise<void> {
  const [any, long] = [names, names.filter((name) => name.length >= 7)].map((some) => some.map(quoted).join('|'));
  const fields = 'id|from|from_user_id|wa_id|user_id|recipient_id|recipient_user_id';
  const mention = long === '' ? '' : `|(^|[^[:alnum:]_])(${long})([^[:alnum:]_]|$)`;
  await tx.query('delete from collector.raw_updates where channel = $1 and body ~ $2', [
    channel,
    `"(${fields})"\\s*:\\s*"?(${any})"?\\s*[,}]${mention}`,
  ]);
}
export const quoted = (name: string): string => name.replace(/[^\w-]/g, '\\$&');

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
  await tx.query(
    `update collector.chats set external_id = 'erased:' || chat_id, title = null, is_reachable = false where chat_id = any ($1)`,
    [chats],
  );
}

function emitErased(tx: Tx, userId: string, chats: readonly string[], messages: readonly string[]): void {
  for (let from = 0; from === 0 || from < Math.max(chats.length, messages.length); from += atOnce)
    tx.emit(inbox.person_erased, {
      userId,
      chatIds: chats.slice(from, from + atOnce),
      messageIds: messages.slice(from, from + atOnce),
      at: new Date().toISOString(),
    });
}

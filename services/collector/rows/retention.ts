/** Statements that delete what is older than their first parameter, at most as many rows as the second. */
import type { Commit } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';

/** Chats per event. */
const chatsAtOnce = 500;

export const oldUpdates = `delete from collector.raw_updates where id in (
           select id from collector.raw_updates where received_at < $1 limit $2) returning 1`;
export const oldRecordings = `update collector.voices set body = null, state = case when state = 'heard' then 'heard' else 'gone' end where message_id in (
           select voice.message_id from collector.voices voice join collector.messages using (message_id)
           where voice.body is not null and (sent_at < $1 or received_at < $1) limit $2) returning 1`;
export const oldStatuses = `delete from collector.message_statuses where (channel, bot_id, external_id) in (
           select channel, bot_id, external_id from collector.message_statuses where at < $1 limit $2) returning 1`;
/**
 * By either clock: a channel may deliver late, and may date a message in the future. Versions, reactions and recordings are deleted
 * with them.
 */
export const oldMessages = `delete from collector.messages where seq in (
  select seq from collector.messages where sent_at < $1 or received_at < $1 limit $2) returning 1`;
// Rows stored before the oldest allowed message were also sent before it.
export const oldPositions = `delete from collector.feed where position in (
  select position from collector.feed where stored_at < $1 order by stored_at, position limit $2) returning 1`;
export const oldNotes = `delete from collector.notes where note_id in (
  select note_id from collector.notes where at < $1 limit $2) returning 1`;
export const oldMerges = `delete from collector.client_merges where merge_id in (
  select merge_id from collector.client_merges where at < $1 limit $2) returning 1`;
/** Customers without messages. Other roles are settings made by people. */
export const oldPeople = `with gone as (
    delete from collector.users where user_id in (
      select user_id from collector.users person where role = 'client' and last_seen_at < $1
        and not exists (select from collector.messages where sender_id = person.user_id) limit $2 for update skip locked)
    returning channel, external_id
  ), aliases as (
    delete from collector.user_aliases
    where (channel, known_as) in (select channel, external_id from gone) or (channel, external_id) in (select channel, external_id from gone))
  select from gone`;
/** Ids of people who were never stored, or no longer are. */
export const unusedAliases = `delete from collector.user_aliases where (channel, external_id, until) in (
  select channel, external_id, until from collector.user_aliases alias where told_at < $1
    and not exists (select from collector.users person where person.channel = alias.channel and person.external_id = alias.known_as)
    and not exists (select from collector.users person where person.channel = alias.channel and person.external_id = alias.external_id)
  limit $2) returning 1`;
/** A connection that is usable, or that has chats, describes the current state, however old it is. */
export const unusedConnections = `delete from collector.connections where (channel, bot_id, connection_id) in (
  select channel, bot_id, connection_id from collector.connections connection where changed_at < $1 and not is_usable and not exists (
    select from collector.chats chat where chat.channel = connection.channel and chat.bot_id = connection.bot_id
      and starts_with(chat.external_id, connection.connection_id || ':'))
  limit $2) returning 1`;

/** A batch of empty chats, with those that were merged into them; other services receive an event. False when there are no more. */
export function forgetEmptyChats(commit: Commit, before: Date): Promise<boolean> {
  return commit(async (tx) => {
    const gone = await tx.query<{ chatId: string }>(
      `with old as (
         select chat_id from collector.chats chat where merged_into is null and coalesce(last_message_at, created_at) < $1
           and not exists (select from collector.messages where chat_id = chat.chat_id) limit $2 for update skip locked
       ), every_id as (
         select chat_id from old union select chat_id from collector.chats where merged_into in (select chat_id from old)
       ), aliases as (
         delete from collector.chat_aliases where chat_id in (select chat_id from every_id))
       delete from collector.chats where chat_id in (select chat_id from every_id) returning chat_id as "chatId"`,
      [before, chatsAtOnce],
    );
    const ids = gone.map(({ chatId }) => chatId);
    for (let from = 0; from === 0 || from < ids.length; from += chatsAtOnce)
      tx.emit(inbox.history_forgotten, {
        before: before.toISOString(),
        chatIds: ids.slice(from, from + chatsAtOnce),
        at: new Date().toISOString(),
      });
    return ids.length > 0;
  });
}

/** Business accounts connected to a bot: whether it may answer in their chats, and where those chats continue after a new connection. */
import { businessAddress, partsOfAddress } from '../../../adapters/channel/address.ts';
import type { ReadConnection } from '../../../adapters/channel/port.ts';
import type { Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import { type Bot, moveAddress } from './chats.ts';

/**
 * SQL that is false if the chat belongs to a connection that is closed or may not answer. A connection that the bot
 * does not know counts as usable, since its messages arrived.
 */
export const isUsable = `coalesce((
  select connection.is_usable from collector.connections connection
  where connection.channel = chats.channel and connection.bot_id = chats.bot_id and chats.external_id like '%:%'
    and connection.connection_id = substring(chats.external_id from '^(.*):')), true)`;

/** @param connections changes that were not delivered before: a replay of an earlier one has no effect */
export async function putConnections(tx: Tx, bot: Bot, connections: readonly ReadConnection[]): Promise<void> {
  for (const { connectionId, owner, isUsable, establishedAt, order } of connections) {
    const changed = await tx.query(
      `insert into collector.connections as known (channel, bot_id, connection_id, owner_external_id, is_usable, established_at, change)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (channel, bot_id, connection_id) do update set
         is_usable = excluded.is_usable, established_at = excluded.established_at, change = excluded.change, changed_at = now()
       where excluded.established_at > known.established_at
         or (excluded.established_at = known.established_at and (excluded.change > known.change or known.changed_at < now() - interval '6 days'))
       returning 1`,
      [bot.channel, bot.botId, connectionId, owner.externalId, isUsable, new Date(establishedAt), order],
    );
    if (changed.length > 0 && isUsable) await takeOver(tx, bot, connectionId, owner.externalId);
  }
}

/** Chats of the same account under its earlier connections continue under this one. */
async function takeOver(tx: Tx, bot: Bot, connectionId: string, owner: string): Promise<void> {
  const earlier = await tx.query<{ chat_id: string; external_id: string }>(
    `select chats.chat_id, chats.external_id from collector.connections former
     join collector.connections latest on latest.channel = former.channel and latest.bot_id = former.bot_id and latest.connection_id = $4
     join collector.chats chats on chats.channel = former.channel and chats.bot_id = former.bot_id and chats.merged_into is null
       and starts_with(chats.external_id, former.connection_id || ':')
     where former.channel = $1 and former.bot_id = $2 and former.owner_external_id = $3 and former.connection_id <> $4
       and former.established_at < latest.established_at
     order by chats.chat_id`,
    [bot.channel, bot.botId, owner, connectionId],
  );
  for (const { chat_id: chatId, external_id: from } of earlier) {
    await moveAddress(tx, bot, from, businessAddress(connectionId, partsOfAddress(from).chatId));
    // Messages to the former address would not be delivered.
    tx.emit(inbox.number_changed, { chatId, at: new Date().toISOString() });
  }
}

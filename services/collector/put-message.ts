import { hash } from 'node:crypto';
import { siteBotId, siteUpdate } from '../../adapters/channel/site.ts';
import type { Handler, Tx } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { put } from './put.ts';

/** Stores a message of the site like any channel's; a repeated one returns the stored message. */
export function putMessage(now: () => number): Handler<typeof inbox.put_message> {
  return (given, { key, commit }) =>
    commit(async (tx) => {
      // A key may be longer than the id of a message.
      const update = siteUpdate(given, hash('sha256', key, 'base64url'), now());
      await put(tx, 'site', { botId: siteBotId, updates: [update] });
      return stored(tx, given.from, update.externalId);
    });
}

async function stored(tx: Tx, from: string, externalId: string): Promise<{ messageId: string; chatId: string }> {
  const [message] = await tx.query<{ messageId: string; chatId: string }>(
    `select message_id as "messageId", chat_id as "chatId" from collector.messages
     where channel = 'site' and bot_id = $1 and chat_external_id = $2 and external_id = $3`,
    [siteBotId, from, externalId],
  );
  return message as { messageId: string; chatId: string }; // `put` stored it or found it.
}

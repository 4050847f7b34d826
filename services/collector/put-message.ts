import { hash } from 'node:crypto';
import type { Intake } from '../../adapters/channel/port.ts';
import type { Handler, Tx } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { put } from './put.ts';

/** Stores a message in the channel that accepts one over the HTTP API; a repeated one returns the stored message. */
export function putMessage(intakes: ReadonlyMap<string, Intake>, now: () => number): Handler<typeof inbox.put_message> {
  const [channel, intake] = [...intakes].find(([, { accept }]) => accept !== undefined) ?? [];
  return (given, { key, commit }) =>
    commit(async (tx) => {
      // A key may be longer than the id of a message.
      const accepted = intake?.accept?.(given, hash('sha256', key, 'base64url'), now());
      if (channel === undefined || accepted === undefined)
        throw new PolybError('unimplemented', 'No channel accepts messages over the HTTP API.');
      const { botId, update } = accepted;
      await put(tx, channel, { botId, updates: [update] });
      return stored(tx, { channel, botId, chat: given.from, externalId: update.externalId });
    });
}

async function stored(
  tx: Tx,
  { channel, botId, chat, externalId }: Readonly<Record<'channel' | 'botId' | 'chat' | 'externalId', string>>,
): Promise<{ messageId: string; chatId: string }> {
  const [message] = await tx.query<{ messageId: string; chatId: string }>(
    `select message_id as "messageId", chat_id as "chatId" from collector.messages
     where channel = $1 and bot_id = $2 and chat_external_id = $3 and external_id = $4`,
    [channel, botId, chat, externalId],
  );
  return message as { messageId: string; chatId: string }; // `put` stored it or found it.
}

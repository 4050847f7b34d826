/** Changes of a stored message that are not messages: reactions, and positions of a live location. */
import type { ReadPart } from '../../../adapters/channel/port.ts';
import type { Tx } from '../../../bus/service.ts';
import type { Bot } from './chats.ts';
import type { PersonOf } from './people.ts';

type Part<I extends ReadPart['is']> = Extract<ReadPart, { is: I }>;

/** The latest reaction of each person counts, in any order of arrival. Reactions to unknown messages are dropped. */
export async function putReactions(
  tx: Tx,
  { channel, botId }: Bot,
  reactions: readonly Part<'reaction'>[],
  people: PersonOf,
): Promise<void> {
  for (const { chat, externalId, person, emojis, at } of reactions) {
    const by = people(person);
    if (by === null) continue;
    const time = new Date(at).toISOString();
    await tx.query(
      `update collector.messages set reactions =
         (select coalesce(jsonb_agg(other), '[]') from jsonb_array_elements(reactions) other where other ->> 'userId' <> $5) || $7::jsonb
       where channel = $1 and bot_id = $2 and chat_external_id = $3 and external_id = $4
         and not exists (select from jsonb_array_elements(reactions) own where own ->> 'userId' = $5 and own ->> 'at' > $6)`,
      [channel, botId, chat.externalId, externalId, by.customerId, time, JSON.stringify([{ userId: by.customerId, emojis, at: time }])],
    );
  }
}

/** The latest position counts. */
export async function putPositions(tx: Tx, { channel, botId }: Bot, positions: readonly Part<'position'>[]): Promise<void> {
  for (const { chat, externalId, place } of positions)
    await tx.query(
      `update collector.messages set content = jsonb_set(content, '{0}', $5)
       where channel = $1 and bot_id = $2 and chat_external_id = $3 and external_id = $4
         and content -> 0 ->> 'type' = 'location' and content -> 0 ->> 'at' < $6`,
      [channel, botId, chat.externalId, externalId, JSON.stringify(place), place.at],
    );
}

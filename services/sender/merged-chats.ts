/** Merging of two chats. */
import { type Consumer, on, type Queries } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import { chatState, keysBefore } from './rows.ts';

/** A draft must not miss a refusal or a message of the customer that arrived in the other chat. */
export function followMerges(): Consumer {
  return on(inbox.chats_merged, async ({ chatId, into }, tx) => {
    await merge(tx, chatId, into);
    const { isOff, isOptedOut, lastActId } = await chatState(tx, into);
    if (isOff) tx.outdate(messages.deliver, await keysBefore(tx, into), sentenceOf.chat_off);
    else if (isOptedOut) tx.outdate(messages.deliver, await keysBefore(tx, into), sentenceOf.opted_out);
    else if (lastActId !== null) tx.outdate(messages.deliver, await keysBefore(tx, into, lastActId), sentenceOf.stale);
  });
}

/** Facts about either chat apply to both; the latest consent or refusal decides. */
async function merge(tx: Queries, chatId: string, into: string): Promise<void> {
  await tx.query('update sender.deliveries set chat_id = $2 where chat_id = $1', [chatId, into]);
  await tx.query('update sender.consents set chat_id = $2 where chat_id = $1', [chatId, into]);
  await tx.query(
    `insert into sender.chats as chat (chat_id, owner, last_act_id, last_inbound_id, last_inbound_at, opted_out_act_id, opted_out_at)
     select $2, owner, last_act_id, last_inbound_id, last_inbound_at, opted_out_act_id,
       (select case when not is_given then at end from sender.consents where chat_id = $2 order by consent_id desc limit 1)
     from sender.chats where chat_id = $1
     on conflict (chat_id) do update set owner = coalesce(chat.owner, excluded.owner), last_act_id = greatest(chat.last_act_id, excluded.last_act_id),
       last_inbound_id = greatest(chat.last_inbound_id, excluded.last_inbound_id),
       last_inbound_at = greatest(chat.last_inbound_at, excluded.last_inbound_at), opted_out_act_id = greatest(chat.opted_out_act_id, excluded.opted_out_act_id), opted_out_at = excluded.opted_out_at`,
    [chatId, into],
  );
}

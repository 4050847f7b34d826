/** Consent of a customer to receive messages. The history is kept; its latest entry decides. */
import type { z } from 'zod';
import type { Call, Handler, Queries } from '../../bus/service.ts';
import { actorOf } from '../../contracts/common.ts';
import type { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import { keysBefore } from './rows.ts';

type Contract = typeof consents;
type Consent = z.output<Contract['list_consents']['output']>['items'][number];

export function setConsent(now: () => number): Handler<Contract['set_consent']> {
  return async ({ chatId: given, isGiven, evidence = null, onBehalfOf }, { call, commit, caller }) => {
    const { chatId, lastActId } = await chatOf(call, given);
    // Messages that the customer wrote meanwhile come after the message that states the consent.
    const since = evidence !== null && lastActId !== null && evidence.startsWith('msg_') && evidence < lastActId ? evidence : lastActId;
    return commit(async (tx) => {
      const at = new Date(now());
      const who = actorOf(caller, onBehalfOf);
      await tx.query(
        `insert into sender.chats as chat (chat_id, opted_out_at, opted_out_act_id) values ($1, $2, $3)
         on conflict (chat_id) do update set opted_out_at = excluded.opted_out_at, opted_out_act_id = excluded.opted_out_act_id`,
        [chatId, isGiven ? null : at, isGiven ? null : since],
      );
      await tx.query('insert into sender.consents (chat_id, is_given, who, evidence, at) values ($1, $2, $3, $4, $5)', [
        chatId,
        isGiven,
        who,
        evidence,
        at,
      ]);
      if (!isGiven) tx.outdate(messages.deliver, await keysBefore(tx, chatId), sentenceOf.opted_out);
      return { chatId, isGiven, at: at.toISOString() };
    });
  };
}

/** The chat for an id, as in `send_message`: stored under another id, a refusal would have no effect. */
async function chatOf(call: Call, chatId: string): Promise<{ readonly chatId: string; readonly lastActId: string | null }> {
  const { chat } = await call(inbox.chat_context, { chatId, limit: 1 });
  return chat;
}

/** Newest first. */
export function listConsents(db: Queries): Handler<Contract['list_consents']> {
  return async ({ chatId }, { call }) => {
    const rows = await db.query<Omit<Consent, 'at'> & { readonly at: Date }>(
      `select is_given as "isGiven", who, evidence, at from sender.consents where chat_id = $1 order by consent_id desc limit 100`,
      [(await chatOf(call, chatId)).chatId],
    );
    return { items: rows.map((row) => ({ ...row, at: row.at.toISOString() })) };
  };
}

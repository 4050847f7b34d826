/** Consent of a customer to receive messages. */
import type { z } from 'zod';
import type { Call, HandlersOf, Queries } from '../../bus/service.ts';
import { actorOf, type Viewer } from '../../contracts/common.ts';
import type { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import { consentsOf, insertConsent, keysBefore } from './rows.ts';

export function consentHandlers(db: Queries, now: () => number): HandlersOf<typeof consents> {
  return {
    async set_consent({ chatId: given, isGiven, evidence = null, onBehalfOf, viewer }, { call, commit, caller }) {
      const { chatId, lastActId } = await chatOf(call, given, viewer);
      // Messages that the customer wrote meanwhile come after the message that states the consent.
      const since = evidence !== null && lastActId !== null && evidence.startsWith('msg_') && evidence < lastActId ? evidence : lastActId;
      return commit(async (tx) => {
        const at = new Date(now());
        await insertConsent(tx, { chatId, isGiven, who: actorOf(caller, onBehalfOf), evidence, at, since });
        if (!isGiven) tx.outdate(messages.deliver, await keysBefore(tx, chatId), sentenceOf.opted_out);
        return { chatId, isGiven, at: at.toISOString() };
      });
    },
    async list_consents({ chatId, viewer }, { call }) {
      const rows = await consentsOf(db, (await chatOf(call, chatId, viewer)).chatId);
      return { items: rows.map((row) => ({ ...row, at: row.at.toISOString() })) };
    },
  };
}

/** The chat for an id, if the person who looks may see it, as in `send_message`: stored under another id, a refusal would have no effect. */
async function chatOf(
  call: Call,
  chatId: string,
  viewer: z.output<typeof Viewer>,
): Promise<{ readonly chatId: string; readonly lastActId: string | null }> {
  const { chat } = await call(inbox.chat_context, { chatId, limit: 1, ...(viewer === undefined ? {} : { viewer }) });
  return chat;
}

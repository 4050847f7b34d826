import { type Consumer, on, type Tx } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { settled } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import {
  climb,
  customerBlocked,
  customerWrote,
  type Delivery,
  eraseChats,
  forgetChats,
  keepEarly,
  keysBefore,
  keysOlder,
  lockExternal,
  markFailed,
  markSent,
  ownerSet,
  personActed,
  takeEarly,
} from './rows.ts';

/** A message of a customer or of staff makes every draft to the chat stale that does not know it. */
export function followPeople(): Consumer {
  return on(inbox.message_received, async ({ messageId, chatId, senderId, isStaff, isBot, kind, at }, tx) => {
    if (senderId === null || isBot || kind === 'service') return;
    if (isStaff) await personActed(tx, chatId, messageId);
    else await customerWrote(tx, chatId, messageId, new Date(at));
    const why = isStaff
      ? 'Staff has written in the chat since; read the chat, and write only what is still needed.'
      : 'The customer has written since; read the chat, and answer the last message.';
    tx.outdate(messages.deliver, await keysBefore(tx, chatId, messageId), why);
  });
}

/** A draft may be based on a text that was edited or withdrawn later. */
export function followChanges(): Consumer {
  return on(inbox.message_changed, async ({ changeId, chatId, senderId, isBot, kind }, tx) => {
    if (senderId === null || isBot || kind === 'service') return;
    await personActed(tx, chatId, changeId);
    const why = 'A message of the chat has been edited or withdrawn since; read it again, and answer its current text.';
    tx.outdate(messages.deliver, await keysBefore(tx, chatId, changeId), why);
  });
}

/** Taking a chat from the bot makes drafts stale that do not know it; turning answers off, all of them. */
export function followOwners(): Consumer {
  return on(inbox.owner_changed, async ({ changeId, chatId, owner }, tx) => {
    await ownerSet(tx, chatId, owner, owner === 'bot' ? null : changeId);
    if (owner === 'off') tx.outdate(messages.deliver, await keysBefore(tx, chatId), sentenceOf.chat_off);
    if (owner === 'human')
      tx.outdate(
        messages.deliver,
        await keysBefore(tx, chatId, changeId),
        'A member of staff has taken over the chat since and answers in it.',
      );
  });
}

/** After an erasure no channel data of the customer remains, and no draft waits. */
export function followErased(now: () => number): Consumer {
  return on(inbox.person_erased, ({ chatIds, messageIds }, tx) => eraseChats(tx, chatIds, messageIds, new Date(now())));
}

export function followForgotten(): Consumer {
  return on(inbox.history_forgotten, ({ chatIds }, tx) => forgetChats(tx, chatIds));
}

/** A draft contains the number it was written to, which may belong to another person now. */
export function followNumbers(): Consumer {
  return on(inbox.number_changed, async ({ chatId }, tx) => {
    tx.outdate(
      messages.deliver,
      await keysBefore(tx, chatId),
      'The number of the customer has changed since; send the message again to reach the new one.',
    );
  });
}

/** Reasons that apply until the customer writes again. */
const shutOut = ['blocked', 'kicked'];
/** The end of a draft determines the status of its delivery. */
export function followDeliveries(now: () => number): Consumer {
  return on(settled(messages.deliver), async ({ key, state, output, reason }, tx) => {
    const at = new Date(now());
    if (state !== 'done') {
      const failed = await markFailed(tx, key, state === 'failed' ? (reason ?? 'failed') : state, at);
      if (failed === null) return;
      if (shutOut.includes(failed.reason ?? '')) await customerBlocked(tx, failed.chatId, at);
      return tell(tx, failed);
    }
    const { externalId = null, text, threadId = null, replyTo = null, at: sentAt = at.toISOString() } = output ?? {};
    const sent = await markSent(tx, key, externalId, new Date(sentAt));
    if (sent === null) return;
    tell(tx, sent);
    if (sent.author === 'person')
      tx.outdate(messages.deliver, await keysOlder(tx, sent.chatId, sent.id), 'Another answer by staff has gone out since; read it first.');
    // A person who resolved it as sent may not know its id.
    if (externalId === null) return;
    const { id, chatId, channel, botId, author } = sent;
    if (text !== undefined)
      tx.emit(messages.message_sent, {
        ...{ id, chatId, channel, botId, externalId, text, author, threadId, replyToExternalId: replyTo, key },
        at: sentAt,
      });
    const external = { channel, botId, externalId };
    await lockExternal(tx, external);
    const early = await takeEarly(tx, external);
    const further = early && (await climb(tx, external, early));
    if (further !== null && further !== 'unknown') tell(tx, further);
  });
}

/** Statuses from the channel: those of outbound messages move forward, and early ones are stored. */
export function followStatuses(): Consumer {
  return on(inbox.message_status, async ({ channel, botId, externalId, status, errorCode, at }, tx) => {
    const external = { channel, botId, externalId };
    const told = { status, reason: status === 'failed' ? (errorCode ?? 'failed') : null, at: new Date(at) };
    await lockExternal(tx, external);
    const climbed = await climb(tx, external, told);
    if (climbed === 'unknown') await keepEarly(tx, external, told);
    else if (climbed !== null) tell(tx, climbed);
  });
}

function tell(tx: Tx, { id, chatId, status, reason, changedAt }: Delivery): void {
  tx.emit(messages.delivery_changed, { id, chatId, status, reason, at: changedAt.toISOString() });
}

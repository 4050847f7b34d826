import type { AdminRow, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Consumer, on } from '../../bus/service.ts';
import { type PayloadOf, settled } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { emitChanged } from './delivery-changed.ts';
import { climb, customerBlocked, keysOlder, lockExternal, markFailed, markSent, takeEarly } from './rows.ts';

/** Reasons that apply until the customer writes again. */
const shutOut = ['blocked', 'kicked'];

/** The end of a draft determines the status of its delivery. */
export function onDeliverSettled(admin: Pick<JournalAdmin, 'row'>, now: () => number): Consumer {
  return on(settled(messages.deliver), async ({ key, state, output, reason }, tx) => {
    const at = new Date(now());
    if (state !== 'done') {
      const failed = await markFailed(tx, key, state === 'failed' ? (reason ?? 'failed') : state, at);
      if (failed === null) return;
      if (shutOut.includes(failed.reason ?? '')) await customerBlocked(tx, failed.chatId, at);
      return emitChanged(tx, failed);
    }
    const {
      externalId = null,
      text,
      threadId = null,
      replyTo = null,
      choices = null,
      media = null,
      at: sentAt = at.toISOString(),
    } = output ?? {};
    const sent = await markSent(tx, key, externalId, new Date(sentAt));
    if (sent === null) return;
    emitChanged(tx, sent);
    if (sent.author === 'person')
      tx.outdate(messages.deliver, await keysOlder(tx, sent.chatId, sent.id), 'Another answer by staff has gone out since; read it first.');
    // A person who resolved it as sent may not know its id.
    if (externalId === null) return;
    const { id, chatId, channel, botId, author, knows } = sent;
    if (text !== undefined)
      tx.emit(messages.message_sent, {
        ...{ id, chatId, channel, botId, externalId, text, author, threadId, replyToExternalId: replyTo, choices, media, knows, key },
        ...authorsOf(await admin.row(id, tx)),
        at: sentAt,
      });
    const external = { channel, botId, externalId };
    await lockExternal(tx, external);
    const early = await takeEarly(tx, external);
    const further = early && (await climb(tx, external, early));
    if (further !== null && further !== 'unknown') emitChanged(tx, further);
  });
}

/** The author and the approvers of a draft; of one that retention has removed, nobody. */
function authorsOf(row: AdminRow | null): Pick<PayloadOf<typeof messages.message_sent>, 'writtenBy' | 'approvedBy'> {
  const { writtenBy } = (row?.input ?? {}) as { readonly writtenBy?: unknown };
  return { writtenBy: typeof writtenBy === 'string' ? writtenBy : null, approvedBy: row?.approved_by.slice(0, 10) ?? [] };
}

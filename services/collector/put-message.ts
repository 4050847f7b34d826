import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Intake } from '../../adapters/channel/port.ts';
import type { Database, Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { outboundAfter } from './rows/messages.ts';
import { put, storedAs } from './rows/put.ts';

type Reply = NonNullable<OutputOf<typeof inbox.put_message>['reply']>;
const lookEveryMs = 100;

/** Stores a message in the channel that accepts one over the HTTP API; a repeated one returns the stored message. */
export function storeMessage(intakes: ReadonlyMap<string, Intake>, now: () => number): Handler<typeof inbox.store_message> {
  const [channel, intake] = [...intakes].find(([, { accept }]) => accept !== undefined) ?? [];
  return (given, { key, commit }) =>
    commit(async (tx) => {
      // A key may be longer than the id of a message.
      const accepted = intake?.accept?.(given, hash('sha256', key, 'base64url'), now());
      if (channel === undefined || accepted === undefined)
        throw new PolybError('unimplemented', 'No channel accepts messages over the HTTP API.');
      const { botId, update } = accepted;
      await put(tx, channel, { botId, updates: [update] });
      return storedAs(tx, { channel, botId, chat: given.from, externalId: update.externalId });
    });
}

/** The same, and waits for what is sent to the chat next. The message is stored before that, under a key of its own. */
export function putMessage(store: ReturnType<typeof storeMessage>, db: Database): Handler<typeof inbox.put_message> {
  return async ({ waitMs, ...message }, context) => {
    if (waitMs === 0) return store(message, context);
    const until = performance.now() + waitMs;
    const stored = await context.call(inbox.store_message, message, { key: derivedKey(context.key, 'stored') });
    const reply = await replyTo(stored, until, db, context.signal);
    return context.commit(async () => ({ ...stored, ...(reply === null ? {} : { reply }) }));
  };
}

/** Null if nothing was sent until then. @param until as `performance.now()` counts */
async function replyTo(
  { chatId, messageId }: OutputOf<typeof inbox.store_message>,
  until: number,
  db: Database,
  signal: AbortSignal,
): Promise<Reply | null> {
  for (;;) {
    const sent = await outboundAfter(db, chatId, messageId);
    const [first] = sent;
    if (first !== undefined) {
      const options = sent.flatMap(({ content }) => content).findLast((part) => part.type === 'options');
      return {
        messageId: first.messageId,
        sessionId: chatId,
        text: sent
          .map(({ text }) => text)
          .join('\n\n')
          .slice(0, 4_096),
        choices: (options?.options ?? []).flatMap(({ id, title }) => (id === null ? [] : [{ id, title }])),
      };
    }
    const left = until - performance.now();
    if (left <= 0) return null;
    await delay(Math.min(lookEveryMs, left), undefined, { signal });
  }
}

/** A turn whose reply is spoken: tools and sentences as they come. */

import { newId } from '../../bus/durable/identity.ts';
import type { Database, StreamHandler } from '../../bus/service.ts';
import { dialog } from '../../contracts/dialog.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { EagerAnswers } from './eager.ts';
import { sessionIdOf, turnIdOf } from './ids.ts';
import { setSpoken } from './rows/turns.ts';
import { sentences } from './sentences.ts';
import type { Heard, Streams } from './streams.ts';

type Answer = OutputOf<typeof dialog.take_turn>;
export function dialogStream(
  listeners: Streams,
  db: Database,
  eager: Pick<EagerAnswers, 'begin'>,
): StreamHandler<typeof dialog.dialog_stream> {
  return async function* ({ sessionId, message, name = null, phoneNumber = null, isEager }, up, { call, signal }) {
    const key = newId('said');
    const turnId = turnIdOf(key);
    const items: Heard[] = [];
    const spoken: string[] = [];
    let wake = Promise.withResolvers<void>();
    const put = (item: Heard): void => {
      items.push(item);
      wake.resolve();
    };
    /** Sentences; null while the caller reports none. */
    let heard: number | null = null;
    let isCancelled = false;
    const confirmed = Promise.withResolvers<true>();
    const listening = (async () => {
      for await (const item of up) {
        if (item.is === 'confirm') confirmed.resolve(true);
        else if (item.is === 'heard') heard = Math.max(heard ?? 0, item.sentences);
        else {
          isCancelled = true;
          wake.resolve();
          return;
        }
      }
    })().catch(() => {}); // The end of the stream ends it.
    using _listener = listeners.listen(turnId, put);
    let answer: Answer | null = null;
    let failure: unknown = null;
    const said = { externalId: sessionId, text: message, choice: null, name, phoneNumber, language: null, isSpoken: true };
    using _early = isEager ? eager.begin(turnId, said, { call, key }) : null;
    if (isEager && (await Promise.race([confirmed.promise, listening, ended(signal)])) !== true) return;
    // A turn that began goes on without its listener: its result is part of the conversation.
    const turn = call(dialog.take_turn, { sessionId: sessionIdOf(sessionId), said }, { key })
      .then(
        (done) => {
          answer = done;
        },
        (error: unknown) => {
          failure = error;
        },
      )
      .finally(() => wake.resolve());
    try {
      for (;;) {
        for (let item = items.shift(); item !== undefined && !isCancelled; item = items.shift()) {
          if (item.is === 'sentence') spoken.push(item.text);
          yield item;
        }
        if (isCancelled || signal.aborted) return;
        if (failure !== null) throw failure;
        if (answer !== null) break;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
      const { reply, proposals }: Answer = answer;
      for (const text of unspoken(reply ?? '', spoken)) {
        spoken.push(text);
        yield { is: 'sentence', text };
        if (isCancelled) return;
      }
      for (const proposal of proposals) yield { is: 'proposal', proposal };
      yield { is: 'done', answer };
      // What was written may still be spoken, and interrupted.
      await Promise.race([listening, ended(signal)]);
    } finally {
      await turn;
      const isCut = isCancelled || heard !== null;
      if (isCut && (heard ?? 0) < spoken.length) await setSpoken(db, turnId, spoken.slice(0, heard ?? 0).join(' '));
    }
  };
}
const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** The sentences of the reply that were not spoken yet. A reply that replaced what was spoken is spoken whole. */
function unspoken(reply: string, spoken: readonly string[]): readonly string[] {
  let rest = reply;
  for (const text of spoken) {
    if (!rest.startsWith(text)) return split(reply);
    rest = rest.slice(text.length).trimStart();
  }
  return split(rest);
}
function split(text: string): readonly string[] {
  const parts = sentences();
  return [...parts.add(text), parts.rest()].filter((part) => part !== '');
}

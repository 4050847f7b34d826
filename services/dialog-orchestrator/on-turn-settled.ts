import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { dialog } from '../../contracts/dialog.ts';
import { settled } from '../../contracts/kit/define.ts';
import { inputIdIn } from './ids.ts';
import { openInputNamed } from './rows/sessions.ts';

/** A customer whose turn failed for good is not left alone: staff gets the chat. */
export function onTurnSettled(): Consumer {
  return on(settled(dialog.take_turn), async ({ key, state }, tx) => {
    if (state !== 'failed' && state !== 'expired') return;
    const sessionId = await openInputNamed(tx, inputIdIn(key));
    if (sessionId === null) return;
    tx.send(dialog.hand_over, { sessionId, reason: 'the agent failed to answer' }, { key: derivedKey(key, 'failed') });
  });
}

import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { forgetConversations, rowsOf } from './rows/sessions.ts';

/** Also in the journal: answers of the model, proposals and notes name the turn, and no chat. An open proposal cannot run any more. */
export function onPersonErased(): Consumer {
  return on(inbox.person_erased, async ({ chatIds }, tx) => {
    const { turnIds, keys } = await rowsOf(tx, chatIds);
    if (turnIds.length + keys.length > 0) tx.forget({ ids: turnIds, names: [], mentions: [...turnIds, ...keys] });
    await forgetConversations(tx, chatIds);
  });
}

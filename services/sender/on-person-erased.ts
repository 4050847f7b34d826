import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { eraseChats } from './rows.ts';

/** After an erasure no channel data of the customer remains, and no draft waits. */
export function onPersonErased(now: () => number): Consumer {
  return on(inbox.person_erased, ({ chatIds, messageIds }, tx) => eraseChats(tx, chatIds, messageIds, new Date(now())));
}

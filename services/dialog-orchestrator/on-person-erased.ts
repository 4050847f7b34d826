import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { forgetChats } from './rows/sessions.ts';

export function onPersonErased(): Consumer {
  return on(inbox.person_erased, ({ chatIds }, tx) => forgetChats(tx, chatIds));
}

import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { chatsInGateway } from './owners.ts';

export function onPersonErased(): Consumer {
  return on(inbox.person_erased, ({ chatIds }, tx) => chatsInGateway.forget(tx, chatIds));
}

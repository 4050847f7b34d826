import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { ownersInGateway } from './chat-owners.ts';

export function onPersonErased(): Consumer {
  return on(inbox.person_erased, ({ chatIds }, tx) => ownersInGateway.forget(tx, chatIds));
}

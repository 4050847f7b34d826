import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { ownersInGateway } from './chat-owners.ts';

/** The chats of a forgotten history are empty. */
export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, ({ chatIds }, tx) => ownersInGateway.forget(tx, chatIds));
}

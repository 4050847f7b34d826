import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { chatsInGateway } from './owners.ts';

/** The chats of a forgotten history are empty. */
export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, ({ chatIds }, tx) => chatsInGateway.forget(tx, chatIds));
}

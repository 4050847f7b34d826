import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { keysBefore } from './rows.ts';

/** A draft contains the number it was written to, which may belong to another person now. */
export function onNumberChanged(): Consumer {
  return on(inbox.number_changed, async ({ chatId }, tx) => {
    tx.outdate(
      messages.deliver,
      await keysBefore(tx, chatId),
      'The number of the customer has changed since; send the message again to reach the new one.',
    );
  });
}

import { type Consumer, on } from '../../bus/service.ts';
import { intents } from '../../contracts/intents.ts';
import { setIntent } from './rows/changes.ts';

export function onMessageClassified(): Consumer {
  return on(intents.message_classified, ({ messageId, ...judged }, tx) => setIntent(tx, messageId, judged));
}

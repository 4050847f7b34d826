import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { dropAnalyses } from './rows.ts';

export function onPersonErased(): Consumer {
  return on(inbox.person_erased, ({ messageIds }, tx) => dropAnalyses(tx, messageIds));
}

import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { eraseCustomer } from './erase.ts';

export function onPersonErased(): Consumer {
  return on(inbox.person_erased, ({ customerId, userId }, tx) => eraseCustomer(tx, customerId ?? userId));
}

import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { phonesInCrm } from './phone-owners.ts';

export function onPhoneOwnersChanged(): Consumer {
  return on(
    inbox.phone_owners_changed,
    async (change, tx) => {
      await phonesInCrm.set(tx, change);
    },
    { fromOldest: true },
  );
}

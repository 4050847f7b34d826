import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { phonesOfCalls } from './phone-owners.ts';
import { setSeenBy } from './rows.ts';

/** Updates which managers see the calls to the phone. */
export function onPhoneOwnersChanged(): Consumer {
  return on(
    inbox.phone_owners_changed,
    async (change, tx) => {
      for (const phone of await phonesOfCalls.set(tx, change)) await setSeenBy(tx, phone);
    },
    { fromOldest: true },
  );
}

import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { phonesInGateway } from './owners.ts';

/** @param changed The event stream reads its lists again: items come to one manager and leave another. */
export function onPhoneOwnersChanged(changed: () => void): Consumer {
  return on(
    inbox.phone_owners_changed,
    async (change, tx) => {
      await phonesInGateway.set(tx, change);
      changed();
    },
    { fromOldest: true },
  );
}

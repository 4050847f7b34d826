import { type Consumer, on } from '../../bus/service.ts';
import { normalizePhone } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { phonesOfMembers } from './phone-owners.ts';

/** Updates which managers see the members with the phone. */
export function onPhoneOwnersChanged(): Consumer {
  return on(
    inbox.phone_owners_changed,
    async (change, tx) => {
      await phonesOfMembers.set(tx, change);
      if (change.phoneNumber !== null)
        await tx.query('update campaigns.phone_owners set last_phone = phone_number where customer_id = $1 and phone_number = $2', [
          change.customerId,
          normalizePhone(change.phoneNumber),
        ]);
    },
    { fromOldest: true },
  );
}

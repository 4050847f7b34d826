import { phoneOwners } from '../../adapters/store/phone-owners.ts';
import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';

const phonesInJournal = phoneOwners('journal.phone_owners');

/** From then on a manager sees the rows that name the phone and no chat, or no longer does. */
export function onPhoneOwnersChanged(): Consumer {
  return on(
    inbox.phone_owners_changed,
    async (change, tx) => {
      await phonesInJournal.set(tx, change);
    },
    { fromOldest: true },
  );
}

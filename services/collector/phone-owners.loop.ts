import { type Commit, type Loop, loop } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { reportPhoneOwners } from './rows/phone-owners.ts';

/** Changes reported in one transaction. */
const batch = 200;

/** Several processes may report; they take turns. */
export function phoneOwners(commit: Commit): Loop {
  return loop('phone_owners', { idleMs: 1_000, wakeOn: inbox.chat_assigned }, async () =>
    (await commit((tx) => reportPhoneOwners(tx, batch))) === batch ? 'more' : 'idle',
  );
}

import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';

/** Names the person in the rows about the chat, by which lists find them. */
export function copyOwners(desk: Pick<JournalAdmin, 'copyOwners'>): Loop {
  return loop('copy_owners', { idleMs: 30_000, wakeOn: inbox.chat_assigned, only: 'copy_owners' }, async () =>
    (await desk.copyOwners()) ? 'more' : 'idle',
  );
}

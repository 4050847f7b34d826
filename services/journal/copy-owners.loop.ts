import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Loop, loop } from '../../bus/service.ts';

/** Names the person in charge in rows that were written while their chat changed hands. */
export function copyOwners(desk: Pick<JournalAdmin, 'copyOwners'>): Loop {
  return loop('copy_owners', { idleMs: 30_000, only: 'copy_owners' }, async () => ((await desk.copyOwners()) ? 'more' : 'idle'));
}

import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Commit, type Loop, loop, type Queries } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { approvals } from '../../contracts/approvals.ts';
import { notShown } from './rows.ts';

interface Parts {
  readonly chats: readonly string[];
  readonly desk: Pick<JournalAdmin, 'list'>;
  readonly db: Queries;
  readonly commit: Commit;
}
const dayMs = 86_400_000;

/** Shows rows that waited before a chat was configured, or could not be shown there. Once a day and at start. */
export function showWaiting({ chats, desk, db, commit }: Parts): Loop {
  return loop('show_waiting', { idleMs: dayMs, only: 'show_waiting' }, async () => {
    const [drafts, reviews] = await Promise.all([
      desk.list({ view: 'approvals', limit: 1000 }),
      desk.list({ view: 'reviews', limit: 1000 }),
    ]);
    const waiting = [...drafts, ...reviews.filter(({ approval }) => approval === 'staff' || approval === 'both')].map(({ id }) => id);
    const today = new Date().toISOString().slice(0, 10);
    for (const chat of chats) {
      const unseen = await notShown(db, waiting, chat);
      await commit(async (tx) => {
        for (const rowId of unseen)
          tx.send(approvals.show_approval, { chat, rowId, pressed: null }, { key: derivedKey(rowId, chat, today) });
      });
    }
    return 'idle';
  });
}

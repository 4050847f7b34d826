/** The journal's statements, by the ports of `bus/durable/store.ts`; its tables are in `../migrations`. */
import type { JournalStore } from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import type { Postgres } from '../postgres.ts';
import { attemptStore } from './attempts.ts';
import { eventStore } from './events.ts';
import { loopStore } from './loops.ts';
import { retentionStore } from './retention.ts';
import { runStore } from './runs.ts';
import { sendStore } from './sends.ts';

/** @param db the pool for all work.
 *  @param leases a pool of its own for leases, renewals and ends. */
export function journalStore(db: Queries & Pick<Postgres, 'session'>, leases: Queries): JournalStore {
  return {
    ...attemptStore(db, leases),
    ...sendStore(),
    ...runStore(db),
    ...eventStore(db, leases),
    ...loopStore(db, leases),
    ...retentionStore(db),
  };
}

/** PostgreSQL as the store of all durable state. */
import { fileURLToPath } from 'node:url';
import type { JournalStore } from '../../bus/durable/store.ts';
import { journalStore } from './journal/index.ts';
import { type Migration, migrationsIn } from './migrate.ts';
import { openPostgres, type PoolUsage, type Postgres } from './postgres.ts';

export type PostgresStore = Postgres & {
  readonly journal: JournalStore;
  /** Connections by pool. */
  pools(): Readonly<Record<'work' | 'leases', PoolUsage>>;
};

/** Connections for leases and outcomes, which work that holds all of `connections` must not block. */
export const leaseConnections = 2;

export function openStore(options: Parameters<typeof openPostgres>[0]): PostgresStore {
  const db = openPostgres(options);
  const leases = openPostgres({ ...options, name: `${options.name} leases`, connections: leaseConnections });
  return {
    ...db,
    journal: journalStore(db, leases),
    pools: () => ({ work: db.pool(), leases: leases.pool() }),
    close: async () => void (await Promise.all([db.close(), leases.close()])),
  };
}
/** The journal's own tables. */
export const journalMigrations = (): Promise<readonly Migration[]> =>
  migrationsIn('journal', fileURLToPath(new URL('migrations', import.meta.url)));

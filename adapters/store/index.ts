/** PostgreSQL as the store of everything that must survive. */
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

/** Connections beside those of `connections`, so that work which holds all of these loses neither its leases nor its outcomes. */
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

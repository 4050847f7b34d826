/** PostgreSQL as the store of everything that must survive. */
import { fileURLToPath } from 'node:url';
import { journalStore } from './journal.ts';
import { type Migration, migrationsIn } from './migrate.ts';
import { openPostgres, type Postgres } from './postgres.ts';

export type PostgresStore = Postgres & { readonly journal: ReturnType<typeof journalStore> };

export function openStore(options: Parameters<typeof openPostgres>[0]): PostgresStore {
  const db = openPostgres(options);
  return { ...db, journal: journalStore(db) };
}
/** The journal's own tables. */
export const journalMigrations = (): Promise<readonly Migration[]> =>
  migrationsIn('journal', fileURLToPath(new URL('migrations', import.meta.url)));

/** Runs services in one process: node runtime/serve.ts <folder>… */

import { journalMigrations } from '../adapters/store/index.ts';
import { migrationsIn } from '../adapters/store/migrate.ts';
import { isPolybError, PolybError } from '../contracts/kit/errors.ts';
import { scrub } from '../contracts/kit/scrub.ts';
import { startDaemon } from './daemon.ts';
import { loadServices, servicesDir } from './services.ts';

/** What ends the process for good: PM2 does not start it again (stop_exit_codes). */
const badSettingsExit = 78;
const stopping = new AbortController();

async function main(folders: readonly string[]): Promise<void> {
  if (folders.length === 0)
    throw new PolybError('invalid_argument', 'Name at least one folder of services/: node runtime/serve.ts crm-connector');
  const owned = folders.map((folder) => migrationsIn(folder.replaceAll('-', '_'), `${servicesDir}/${folder}/migrations`));
  const migrations = [...(await journalMigrations()), ...(await Promise.all(owned)).flat()];
  const daemon = await startDaemon(await loadServices(folders), { migrations, signal: stopping.signal });
  const shutDown = async (): Promise<void> => {
    daemon.log.info({}, 'draining');
    await daemon.stop();
    process.exit(0);
  };
  stopping.signal.addEventListener('abort', () => void shutDown());
  if (stopping.signal.aborted) return await shutDown();
  process.send?.('ready');
  daemon.log.info({ services: folders }, 'ready');
}

if (import.meta.main) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(1);
      stopping.abort();
    });

  // The supervisor is gone: nobody would restart or stop this process any more.
  process.on('disconnect', () => stopping.abort());
  const fail = (error: unknown): never => {
    const said = isPolybError(error) ? error.message : scrub(String(Error.isError(error) ? error.stack : error));
    process.stderr.write(`${said}\n`);
    process.exit(isPolybError(error) && error.reason === 'bad_settings' ? badSettingsExit : 1);
  };
  // Node would write it as it is. What nobody caught has left this process in no known state: its supervisor starts another.
  process.on('uncaughtException', fail);
  main(process.argv.slice(2)).catch((error: unknown) => (stopping.signal.aborted ? process.exit(0) : fail(error)));
}

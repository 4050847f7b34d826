/** Runs services in one process: node runtime/serve.ts <folder>… */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { journalMigrations } from '../adapters/store/index.ts';
import { exitOf, isPolybError, PolybError } from '../contracts/kit/errors.ts';
import { scrub } from '../contracts/kit/scrub.ts';
import { startDaemon } from './daemon.ts';
import { serviceMigrations } from './migrate.ts';
import { loadServices } from './services.ts';

/** How long a start may go on after it was told to stop. */
const startGraceMs = 2_000;

/** Serves until `signal`, then drains.
 *  @throws PolybError failed_precondition/bad_settings */
export async function serveFolders(folders: readonly string[], signal: AbortSignal): Promise<void> {
  // Node would write it as it is. What nobody caught has left this process in no known state: its supervisor starts another.
  process.on('uncaughtException', fail);
  // The supervisor is gone: nobody would restart or stop this process any more.
  const orphaned = new AbortController();
  process.on('disconnect', () => orphaned.abort());
  const stopped = AbortSignal.any([signal, orphaned.signal]);
  const owned = await Promise.all(folders.map((folder) => serviceMigrations(folder)));
  const migrations = [...(await journalMigrations()), ...owned.flat()];
  try {
    const starting = loadServices(folders).then((loaded) => startDaemon(loaded, { migrations, signal: stopped }));
    const daemon = await Promise.race([starting, tooLateToStart(stopped)]);
    if (daemon === null) return;
    const { log, stop } = daemon;
    const ending = new Promise<void>((resolve) => stopped.addEventListener('abort', () => resolve(), { once: true }));
    process.send?.('ready');
    log.info({ services: folders }, 'ready');
    if (!stopped.aborted) await ending;
    log.info({}, 'draining');
    await stop();
  } catch (error) {
    if (!stopped.aborted) throw error;
  }
}

/** A service that is stopped while it starts has accepted no call yet, so that nothing is lost when its start is cut short. */
async function tooLateToStart(stopped: AbortSignal): Promise<null> {
  if (!stopped.aborted) await once(stopped, 'abort');
  return delay(startGraceMs, null, { ref: false });
}

function fail(error: unknown): never {
  const said = isPolybError(error) ? error.message : scrub(String(Error.isError(error) ? error.stack : error));
  process.stderr.write(`${said}\n`);
  process.exit(isPolybError(error) && error.reason === 'bad_settings' ? exitOf(error) : 1);
}

if (import.meta.main) {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(1);
      stopping.abort();
    });
  try {
    const folders = process.argv.slice(2);
    if (folders.length === 0)
      throw new PolybError('invalid_argument', 'Name at least one folder of services/: node runtime/serve.ts crm-connector');
    await serveFolders(folders, stopping.signal);
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

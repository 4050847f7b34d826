/** This checkout: where its parts stand. */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { enterable, unprivileged } from '../../infra/unprivileged.ts';

/** As PM2 tells it of an app: without symbolic links. */
export const root = realpathSync(join(import.meta.dirname, '..', '..', '..'));
/** Data, logs and choices of `polyb up`. */
export const state = join(root, '.polyb');
export const logFolder = join(state, 'logs');
/** What an app of PM2 wrote, on both of its streams. */
export const logFile = (app: string): string => join(logFolder, `${app}.log`);

/** Everything that an app's lines stand in: a server writes a file of its own beside what its launcher says. */
export function logFiles(app: string): readonly string[] {
  const server = servers.find((each) => serverApp(each) === app);
  return [logFile(app), ...(server === undefined ? [] : [join(enterable(serverFolder(server), unprivileged()), 'server.log')])];
}

export const servers = ['nats', 'postgres', 'redis'] as const;
export type Server = (typeof servers)[number];
/** Its folder as it is asked for; under root PostgreSQL may stand elsewhere, see `enterable`. */
export const serverFolder = (server: Server): string => join(state, server);
export const serverApp = (server: Server): string => `polyb-${server}`;
/** The PM2 app that runs every service in one process. */
export const oneProcessApp = 'polyb-all';
/** `true` in the environment, .env or run.json: all services run in one process. */
export const oneProcessSetting = 'POLYB_ONE_PROCESS';
/** nats-server's users and what each may do, included by its configuration. */
export const natsUsersFile = join(state, 'nats-users.conf');

/** What PM2 runs for a server of our own: `node scripts/cli/system/server.ts nats|postgres|redis`. It starts the server and ends with it. */
import { existsSync } from 'node:fs';
import { systemSetting } from '../../../runtime/own-server.ts';
import { startNats, startPostgres, startRedis } from '../../infra/start.ts';
import { natsUsersFile, serverFolder, servers } from './project.ts';
import { readRun } from './run-file.ts';
import { passwordIn } from './servers.ts';

const name = servers.find((each) => each === process.argv[2]);
if (name === undefined) throw new TypeError(`expected one of ${servers.join(', ')}`);

const stopping = new AbortController();
let stop: (() => Promise<void>) | undefined;
const end = () => {
  stopping.abort();
  void stop?.().then(() => process.exit(0));
};
process.on('SIGINT', end);
process.on('SIGTERM', end);
// PM2 has died: nobody would ever stop this server, and the next `up` would find its port and its data in use.
process.on('disconnect', end);

try {
  const run = await readRun();
  const port = Number(run[`POLYB_${name.toUpperCase()}_PORT`]);
  const options = { dir: serverFolder(name), port, signal: stopping.signal };
  const start = {
    nats: () =>
      startNats({ ...options, serverName: run[systemSetting], configFile: existsSync(natsUsersFile) ? natsUsersFile : undefined }),
    postgres: () => startPostgres({ ...options, durable: true }),
    redis: () => startRedis({ ...options, password: passwordIn(run.REDIS_URL) }),
  };
  const server = await start[name]();
  stop = server.stop;
  if (stopping.signal.aborted) await server.stop();
  process.on('SIGHUP', () => process.kill(server.pid, 'SIGHUP'));
  server.ended.addEventListener('abort', () => {
    if (stopping.signal.aborted) process.exit(0);
    console.error(messageOf(server.ended.reason));
    process.exit(1);
  });
  // The server does not keep this process alive by itself.
  setInterval(() => {}, 2 ** 30);
} catch (error) {
  if (!stopping.signal.aborted) console.error(messageOf(error));
  process.exit(stopping.signal.aborted ? 0 : 1);
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? (error as Error).message : String(error);
}

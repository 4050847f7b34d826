/** `polyb up`: starts what is missing, and waits until it answers. Nothing that is well is touched. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { lookup, openSources } from '../../config/env.ts';
import { PolybError } from '../../contracts/errors.ts';
import type { Invocation } from '../cli/command.ts';
import { connect } from '../cli/connect.ts';
import { wrongUsage } from '../cli/failure.ts';
import { migrate } from '../migrate.ts';
import { chosenFrom, type Expected, expectedServices } from './expected.ts';
import { askBus, readyInstances } from './health.ts';
import { lock } from './lock.ts';
import { lastLines, logSize } from './logs-of.ts';
import { passwordSetting, writeNatsUsers } from './nats-users.ts';
import { type App, listApps, listOwnApps, removeApps, startApps } from './pm2.ts';
import { oneProcessApp, type Server, serverApp, servers } from './project.ts';
import { awaitReady, type NotReady } from './ready.ts';
import { type RunValues, readRun, writeRun } from './run-file.ts';
import { answersAt, type Choice, chooseServers, natsInfo, portSetting } from './servers.ts';

const readyMs = 30_000;
const shownLines = 15;
/** An app that PM2 started so recently is waited for before it is started again. */
const bootingMs = 15_000;
export const checkFailed = 9;

export async function up({ args, flags, out, signal, env }: Invocation): Promise<number> {
  await using _held = await lock('up');
  const all = await expectedServices();
  const oneProcess = flags.on('one-process') || lookup('POLYB_ONE_PROCESS', openSources({ env })) === 'true';
  if (oneProcess && args.length > 0) throw wrongUsage('all services run in one process; name none', { subject: 'up' });
  const wanted = chosenFrom(all, args, 'up').map((each) => ({ ...each, app: oneProcess ? oneProcessApp : each.folder }));
  const own = servers.map(serverApp);
  const apps = await listOwnApps([...own, oneProcessApp, ...all.map(({ folder }) => folder)]);

  const before = await readRun();
  const choice = await chooseServers({ find: openSources({ env }), before, apps, signal });
  const run = runValues(choice, before, all, oneProcess);
  await writeRun(run);
  if (choice.nats.port !== undefined && (await writeNatsUsers(all, run)) && choice.nats.isUp) reload(apps);

  const missing = servers.filter((server) => !choice[server].isUp);
  const logsFrom = new Map(
    await Promise.all([...missing.map(serverApp), ...wanted.map(({ app }) => app)].map(async (app) => [app, await logSize(app)] as const)),
  );
  const tellFailure = async (label: string, { app, why }: Pick<NotReady, 'app' | 'why'>) => {
    const lines = (await lastLines(app, logsFrom.get(app) ?? 0, shownLines)).flatMap((line) => line.split('\n'));
    out.note(
      [`${label}  ${why}${lines.length > 0 ? '; its last lines:' : ''}`, ...lines.map((line) => `    ${line}`), `  polyb logs ${app}`].join(
        '\n',
      ),
      'bad',
    );
  };
  const late = await startServers(missing, choice, signal);
  for (const server of late) await tellFailure(server, { app: serverApp(server), why: 'does not answer' });
  if (late.length > 0) return checkFailed;

  const nats = await natsInfo(choice.nats.url.split(',')[0] ?? '');
  out.note(`nats-server   ${addressOf(choice.nats.url)}${nats ? `  ${nats.version}` : ''}`, 'ok');
  const applied = await migrate({ url: choice.postgres.url });
  out.note(`postgres      ${addressOf(choice.postgres.url)}${applied.length > 0 ? `  ${applied.length} migrations applied` : ''}`, 'ok');

  await using connected = await connect({ flags, out, signal, env });
  const { bus } = connected;
  const since = Date.now();
  const onBus = await askBus(bus, signal);
  const isUp = (each: (typeof wanted)[number]) => readyInstances(onBus, each).length > 0 && apps.some(({ name }) => name === each.app);
  const down = wanted.filter((each) => !isUp(each));
  const width = Math.max(...wanted.map(({ folder }) => folder.length));
  const tell = ({ folder, methods }: Expected, when: string) =>
    out.note(`${folder.padEnd(width)}  ${String(methods).padStart(2)} ${methods === 1 ? 'method ' : 'methods'}  ${when}`, 'ok');
  for (const each of wanted.filter(isUp)) tell(each, 'was up');

  const readyAfterMs: Record<string, number> = {};
  const started = startApps(
    toStart(
      down.map(({ app }) => app),
      apps,
    ),
  );
  const [failed] = await Promise.all([
    awaitReady({
      bus,
      services: down,
      since,
      timeoutMs: flags.ms('timeout') ?? readyMs,
      signal,
      onReady: (each) => {
        readyAfterMs[each.folder] = Date.now() - since;
        tell(each, `ready in ${((Date.now() - since) / 1000).toFixed(1)} s`);
      },
    }),
    started,
  ]);
  for (const each of oneProcess ? failed.slice(0, 1) : failed) await tellFailure(oneProcess ? oneProcessApp : each.folder, each);
  // The other way of running them: its processes have been relieved by now.
  const relieved = (await listApps()).filter(({ name }) =>
    oneProcess ? all.some(({ folder }) => folder === name) : name === oneProcessApp,
  );
  if (failed.length === 0) await removeApps(relieved);

  const result = {
    nats: { url: bare(choice.nats.url), own: choice.nats.port !== undefined },
    postgres: { url: bare(choice.postgres.url), own: choice.postgres.port !== undefined },
    migrations: applied,
    services: wanted.map(({ folder, methods }) => ({
      name: folder,
      methods,
      ready: !failed.some((each) => each.folder === folder),
      readyMs: readyAfterMs[folder] ?? null,
    })),
  };
  // For people the lines above have said it all.
  if (out.format !== 'pretty' && out.format !== 'table') await out.result(result, { items: result.services });
  return failed.length > 0 ? checkFailed : 0;
}

/** Addresses that we chose, and a password for each bus user of a server of ours. */
function runValues(choice: Readonly<Record<Server, Choice>>, before: RunValues, all: readonly Expected[], oneProcess: boolean): RunValues {
  const kept = (name: string) => [name, before[name] ?? randomBytes(24).toString('base64url')] as const;
  const { nats, postgres } = choice;
  return {
    ...(nats.port !== undefined && {
      NATS_URL: nats.url,
      [portSetting('nats')]: String(nats.port),
      ...Object.fromEntries(['POLYB_NATS_OPERATOR_PASSWORD', ...all.map(({ folder }) => passwordSetting(folder))].map(kept)),
    }),
    ...(postgres.port !== undefined && { DATABASE_URL: postgres.url, [portSetting('postgres')]: String(postgres.port) }),
    ...(oneProcess && { POLYB_ONE_PROCESS: 'true' }),
  };
}

function reload(apps: readonly App[]): void {
  const nats = apps.find(({ name, pid }) => name === serverApp('nats') && pid > 0);
  // Its launcher passes the signal on.
  if (nats) process.kill(nats.pid, 'SIGHUP');
}

/** Those that do not answer in time. */
async function startServers(
  missing: readonly Server[],
  choice: Readonly<Record<Server, Choice>>,
  signal: AbortSignal,
): Promise<readonly Server[]> {
  const started = startApps(missing.map(serverApp));
  const until = Date.now() + readyMs;
  const waitFor = async (server: Server) => {
    while (!(await answersAt[server](choice[server].port ?? 0))) {
      if (Date.now() > until) return [server];
      await delay(30, undefined, { signal });
    }
    return [];
  };
  const [late] = await Promise.all([Promise.all(missing.map(waitFor)), started]);
  return late.flat();
}

/** Without those that PM2 is just starting by itself. */
function toStart(names: readonly string[], apps: readonly App[]): readonly string[] {
  const isBooting = ({ status, startedAt }: App) => (status === 'online' || status === 'launching') && Date.now() - startedAt < bootingMs;
  return [...new Set(names)].filter((name) => !apps.some((app) => app.name === name && isBooting(app)));
}

const bare = (url: string): string => url.replace(/\/\/[^/@]*@/g, '//');

/** `127.0.0.1:4222`, whatever else the URL holds. */
function addressOf(url: string): string {
  const { hostname, port, pathname } = new URL(url.split(',')[0] ?? '');
  return `${hostname}${port && `:${port}`}${pathname === '/' ? '' : pathname}`;
}

/** @throws PolybError failed_precondition/not_up when `up` has not been here. */
export async function requireUp(): Promise<readonly App[]> {
  const apps = await listApps();
  if (apps.length === 0)
    throw new PolybError('failed_precondition', 'Nothing of this checkout is up; polyb up starts it.', { reason: 'not_up' });
  return apps;
}

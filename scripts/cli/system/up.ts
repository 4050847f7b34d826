/** `polyb up`: starts what is missing, and waits until it answers. Nothing that is well is touched. */
import { randomBytes } from 'node:crypto';
import { cacheSettings } from '../../../adapters/cache/index.ts';
import { common } from '../../../config/common.ts';
import { type FindSetting, lookup, openSources } from '../../../config/env.ts';
import { read, settingsOf } from '../../../config/read.ts';
import { defaultOf, metaOf } from '../../../config/settings.ts';
import { migrate } from '../../../runtime/migrate.ts';
import { passwordSetting } from '../../../runtime/services.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { wrongUsage } from '../kernel/failure.ts';
import type { Output } from '../kernel/output.ts';
import { noteChanged } from './changed.ts';
import { chosenFrom, type Expected, expectedServices } from './expected.ts';
import { askBus, readyInstances } from './health.ts';
import { lock } from './lock.ts';
import { logSize } from './logs-of.ts';
import { operatorPasswordSetting, reloadNats, writeNatsUsers } from './nats-users.ts';
import { pause } from './pause.ts';
import { type App, listApps, listOwnApps, removeApps, startApps } from './pm2.ts';
import { portFrom } from './ports.ts';
import { logFile, oneProcessApp, serverApp, servers } from './project.ts';
import { awaitReady, type Placed, readyMs } from './ready.ts';
import { checkFailed, isForMachines, tellNotReady } from './report.ts';
import { type RunValues, readRun, runFileLabel, writeRun } from './run-file.ts';
import { answersAt, type Choice, type Choices, chooseServers, natsInfo, portSetting } from './servers.ts';
import { warm } from './warm.ts';

/** An app that PM2 started so recently is waited for before it is started again. */
const bootingMs = 15_000;

export async function up(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, env } = invocation;
  await using _held = await lock('up');
  const find = openSources({ env });
  read([common, { name: 'cache', settings: cacheSettings }], find); // throws for addresses that are none
  const all = await expectedServices();
  const oneProcess = flags.on('one-process') || lookup('POLYB_ONE_PROCESS', find) === 'true';
  if (oneProcess && args.length > 0) throw wrongUsage('all services run in one process; name none', { subject: 'up' });
  const wanted = chosenFrom(all, args, 'up').map((each) => ({ ...each, app: oneProcess ? oneProcessApp : each.folder }));
  const apps = await listOwnApps([...servers.map(serverApp), oneProcessApp, ...all.map(({ folder }) => folder)]);

  const before = await readRun();
  const choice = await chooseServers({ find, before, apps, oneProcess, signal });
  const listeners = await chooseListeners(all, { find, before, apps });
  const run = { ...runValues(choice, before, all, oneProcess), ...listeners };
  await writeRun(run);
  const prefix = lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb';
  if (choice.nats.port !== undefined && (await writeNatsUsers(all, prefix, run)) && choice.nats.isUp) reloadNats(apps);
  if (!(await startServers(choice, out, signal))) return checkFailed;
  const migrations = await migrate({ url: choice.postgres.url });
  out.note(
    `postgres      ${addressOf(choice.postgres.url)}${migrations.length > 0 ? `  ${migrations.length} migrations applied` : ''}`,
    'ok',
  );

  const services = await startServices(wanted, apps, invocation);
  await noteChanged(out, all, await listApps());
  const isComplete = services.every(({ ready }) => ready);
  // The other way of running them: its processes have been relieved by now.
  const other = (app: App) =>
    oneProcess ? app.name === serverApp('redis') || all.some(({ folder }) => folder === app.name) : app.name === oneProcessApp;
  if (isComplete && args.length === 0) await removeApps((await listApps()).filter(other));

  const told = ({ url, port }: Choice) => ({ url: url.replace(/\/\/[^/@,]*@/g, '//'), own: port !== undefined });
  const redis = 'missing' in choice.redis ? null : told(choice.redis);
  const result = { nats: told(choice.nats), postgres: told(choice.postgres), redis, migrations, services };
  if (isForMachines(out)) await out.result(result, { items: services });
  return isComplete ? 0 : checkFailed;
}

/** Addresses that we chose, and a password for each bus user of a server of ours. */
function runValues({ nats, postgres, redis }: Choices, before: RunValues, all: readonly Expected[], oneProcess: boolean): RunValues {
  const kept = (name: string) => [name, before[name] ?? randomBytes(24).toString('base64url')] as const;
  return {
    ...(nats.port !== undefined && {
      NATS_URL: nats.url,
      [portSetting('nats')]: String(nats.port),
      ...Object.fromEntries([operatorPasswordSetting, ...all.map(({ folder }) => passwordSetting(folder))].map(kept)),
    }),
    ...(postgres.port !== undefined && { DATABASE_URL: postgres.url, [portSetting('postgres')]: String(postgres.port) }),
    ...('port' in redis && redis.port !== undefined && { REDIS_URL: redis.url, [portSetting('redis')]: String(redis.port) }),
    ...(oneProcess && { POLYB_ONE_PROCESS: 'true' }),
  };
}

/** Ports that services listen on, where nobody set them: the default when it is free, so that two systems can run on one machine. */
async function chooseListeners(
  all: readonly Expected[],
  { find, before, apps }: { readonly find: FindSetting; readonly before: RunValues; readonly apps: readonly App[] },
): Promise<RunValues> {
  const chosen: Record<string, string> = {};
  for (const { folder, service } of all) {
    const runs = apps.some(({ name, status }) => (name === folder || name === oneProcessApp) && status === 'online');
    for (const [name, usual] of listenersOf(service)) {
      const found = find(name);
      if (found && !('problem' in found) && found.from !== runFileLabel) continue;
      const kept = before[name];
      const wanted = [...(kept === undefined ? [] : [Number(kept)]), usual];
      chosen[name] = runs && kept !== undefined ? kept : String(await portFrom(...wanted));
    }
  }
  return chosen;
}

/** Settings that are ports on which the service listens, with their defaults. */
function listenersOf({ settings }: Expected['service']): readonly (readonly [name: string, usual: number])[] {
  return settingsOf({ name: '', settings })
    .filter(([, schema]) => metaOf(schema).listens === true)
    .map(([name, schema]) => [name, Number(defaultOf(schema))] as const);
}

/** Starts those of our own that are not up; false when one does not answer in time. Redis may be missing. */
async function startServers(choice: Choices, out: Output, signal: AbortSignal): Promise<boolean> {
  const chosen = servers.flatMap((server) => {
    const one = choice[server];
    return 'missing' in one ? [] : [{ server, app: serverApp(server), ...one }];
  });
  const away = chosen.filter(({ isUp }) => !isUp);
  const down = await Promise.all(away.map(async (one) => ({ ...one, logFrom: await logSize(logFile(one.app)) })));
  const started = startApps(down.map(({ app }) => app));
  const until = Date.now() + readyMs;
  const answers = async ({ server, port = 0 }: (typeof down)[number]) => {
    while (!(await answersAt[server](port))) {
      if (Date.now() > until) return false;
      await pause(30, signal);
    }
    return true;
  };
  const [answered] = await Promise.all([Promise.all(down.map(answers)), started]);
  const silent = down.filter((_, index) => !answered[index]);
  for (const { app, logFrom } of silent) await tellNotReady(out, app, { app, why: 'does not answer' }, logFrom);
  if (silent.some(({ server }) => server !== 'redis')) return false;
  const nats = await natsInfo(choice.nats.url.split(',')[0] ?? '');
  out.note(`nats-server   ${addressOf(choice.nats.url)}${nats ? `  ${nats.version}` : ''}`, 'ok');
  tellRedis(choice.redis, out, silent.length === 0);
  return true;
}

function tellRedis(redis: Choices['redis'], out: Output, answers: boolean): void {
  if (!('missing' in redis)) {
    if (answers) out.note(`redis         ${addressOf(redis.url)}`, 'ok');
    else out.note('until Redis answers, rate limits and quotas are counted by each process for itself', 'warn');
  } else if (redis.missing !== null) {
    out.note(`redis         none, so rate limits and quotas are counted by each process for itself: ${redis.missing}`, 'warn');
  }
}

interface Told {
  readonly name: string;
  readonly methods: number;
  readonly ready: boolean;
  /** Null when it was up, or did not get ready. */
  readonly readyMs: number | null;
}

async function startServices(
  wanted: readonly (Expected & Placed)[],
  apps: readonly App[],
  invocation: Invocation,
): Promise<readonly Told[]> {
  const { flags, out, signal, env } = invocation;
  const width = Math.max(0, ...wanted.map(({ folder }) => folder.length));
  const find = openSources({ env });
  const count = (methods: number) => `${String(methods).padStart(2)} ${methods === 1 ? 'method ' : 'methods'}`;
  const tell = ({ folder, methods }: Expected, when: string) => out.note(`${folder.padEnd(width)}  ${count(methods)}  ${when}`, 'ok');
  const picked = ({ vendors, service }: Expected) => {
    const all = [
      ...vendors.map(({ setting, fallback }) => `${setting}=${lookup(setting, find) ?? fallback}`),
      ...listenersOf(service).map(([name, usual]) => `${name}=${lookup(name, find) ?? usual}`),
    ].join(' ');
    return all && `  (${all})`;
  };

  await using connected = await connect(invocation);
  const { bus } = connected;
  const since = Date.now();
  const before = await askBus(bus, signal);
  const isUp = (each: Expected & Placed) => readyInstances(before, each).length > 0 && apps.some(({ name }) => name === each.app);
  // What it runs with was read when it started, and may be other than what stands there now.
  for (const each of wanted.filter(isUp)) tell(each, 'was up');

  const services = wanted.filter((each) => !isUp(each));
  if (services.length > 0) await warm(signal);
  const names = [...new Set(services.map(({ app }) => app))];
  const logsFrom = new Map(await Promise.all(names.map(async (app) => [app, await logSize(logFile(app))] as const)));
  const readyAfterMs = new Map<string, number>();
  const onReady = (each: Expected) => {
    readyAfterMs.set(each.folder, Date.now() - since);
    tell(each, `ready in ${((Date.now() - since) / 1000).toFixed(1)} s${picked(each)}`);
  };
  const waiting = awaitReady({ bus, services, before, since, timeoutMs: flags.ms('timeout') ?? readyMs, signal, onReady });
  const [failed] = await Promise.all([waiting, startApps(names.filter((name) => !isBooting(name, apps)))]);
  const toldOf = new Set<string>();
  for (const { app, folder, why } of failed) {
    // One process is told of once, whatever it was to serve.
    if (!toldOf.has(app)) await tellNotReady(out, app === folder ? folder : app, { app, why }, logsFrom.get(app) ?? 0);
    toldOf.add(app);
  }
  return wanted.map(({ folder, methods }) => ({
    name: folder,
    methods,
    ready: !failed.some((each) => each.folder === folder),
    readyMs: readyAfterMs.get(folder) ?? null,
  }));
}

/** PM2 is just starting it by itself. */
function isBooting(name: string, apps: readonly App[]): boolean {
  return apps.some(
    (app) => app.name === name && (app.status === 'online' || app.status === 'launching') && Date.now() - app.startedAt < bootingMs,
  );
}

/** `127.0.0.1:4222`, whatever else the URL holds. */
function addressOf(url: string): string {
  const { hostname, port, pathname } = new URL(url.split(',')[0] ?? '');
  return `${hostname}${port && `:${port}`}${pathname === '/' ? '' : pathname}`;
}

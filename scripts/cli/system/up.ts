/** `polyb up`: starts what is missing, and waits until it answers. Nothing that is well is touched. */
import { randomBytes } from 'node:crypto';
import { type FindSetting, lookup, openSources } from '../../../config/env.ts';
import { settingsOf } from '../../../config/read.ts';
import { defaultOf, metaOf } from '../../../config/settings.ts';
import { migrate } from '../../../runtime/migrate.ts';
import { natsInfo, operatorSetting, systemSetting } from '../../../runtime/own-server.ts';
import { passwordSetting } from '../../../runtime/services.ts';
import { isFree } from '../../infra/ready.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { wrongUsage } from '../kernel/failure.ts';
import type { Output } from '../kernel/output.ts';
import { noteChanged, readSources } from './changed.ts';
import { chosenFrom, type Expected, expectedServices } from './expected.ts';
import { askBus, readyInstances } from './health.ts';
import { killTimes } from './kill-time.ts';
import { lock } from './lock.ts';
import { logSize } from './logs-of.ts';
import { reloadNats, writeNatsUsers } from './nats-users.ts';
import { pause } from './pause.ts';
import { type App, listApps, listOwnApps, removeApps, startApps, surplus } from './pm2.ts';
import { portFrom } from './ports.ts';
import { logFile, oneProcessApp, oneProcessSetting, type Server, serverApp, servers } from './project.ts';
import { awaitReady, type Placed, readyMs } from './ready.ts';
import { checkFailed, isForMachines, tellNotReady } from './report.ts';
import { type RunValues, readRun, runFileLabel, writeRun } from './run-file.ts';
import { ownSecretKey } from './secret-key.ts';
import { type Owner, ownerAt } from './server-owner.ts';
import { addressesIn, addressIn, addressNames, type Choice, type Choices, chooseServers, moved } from './servers.ts';
import { readSettings, strayNames } from './settings.ts';
import { warm } from './warm.ts';

/** An app that PM2 started so recently is waited for before it is started again. */
const bootingMs = 15_000;
/** Number of times a server may move to another port in one start. */
const mostMoves = 5;
/** After this time without a reply, the port is checked for another program. */
const suspectMs = 3_000;

export async function up(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, env } = invocation;
  await using _held = await lock('up');
  const find = openSources({ env });
  const all = await expectedServices();
  const oneProcess = isOneProcess(flags) ?? lookup(oneProcessSetting, find) === 'true';
  if (oneProcess && args.length > 0) throw wrongUsage('all services run in one process; omit the names', { subject: 'up' });
  const wanted = chosenFrom(all, args, 'up').map((each) => ({ ...each, app: oneProcess ? oneProcessApp : each.folder }));
  for (const line of strayNames(all, find)) out.note(line, 'warn');
  const settings = readSettings(wanted, find);
  const apps = await listOwnApps([...servers.map(serverApp), oneProcessApp, ...all.map(({ folder }) => folder)]);

  const before = await readRun();
  const chosen = await chooseServers({ find, before, apps, oneProcess, signal });
  const listeners = await chooseListeners(all, { find, before, apps });
  const secret = await ownSecretKey(find);
  const chosenBefore = { ...ownBefore(before, apps), ...runValues(chosen, before, all, oneProcess) };
  const run = { ...chosenBefore, ...listeners, ...secret, ...killTimes(wanted, settings, before) };
  await writeRun(run);
  const prefix = lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb';
  const outdated = await readSources().changed(all, apps);
  if (chosen.nats.port !== undefined && (await writeNatsUsers(all, prefix, run, outdated)) && chosen.nats.isUp) reloadNats(apps);
  const choice = await startServers(chosen, { run, out, signal });
  if (choice === undefined) return checkFailed;
  const migrations = await migrate({ url: choice.postgres.url });
  out.note(
    `postgres      ${addressOf(choice.postgres.url)}${migrations.length > 0 ? `  ${migrations.length} migrations applied` : ''}`,
    'ok',
  );

  const addresses = Object.entries(addressesIn(choice));
  // Running services have read the former addresses.
  const isStale = addresses.some(([name, value]) => before[name] !== undefined && before[name] !== value);
  const services = await startServices(wanted, { apps, isStale }, invocation);
  const now = await listApps();
  await removeApps(surplus(now));
  await noteChanged(out, all, now);
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

/** What the flag says; undefined without it. */
function isOneProcess(flags: Invocation['flags']): boolean | undefined {
  const given = flags.text('one-process');
  if (given === undefined || given === '') return given === '' || undefined;
  if (given === 'true' || given === 'false') return given === 'true';
  throw wrongUsage(`--one-process: expected true or false; got "${given}"`, { subject: 'up', next: ['polyb up --help'] });
}

/** Addresses of own servers that still run although a setting names others. They are used again once the setting is removed. */
function ownBefore(before: RunValues, apps: readonly App[]): RunValues {
  const kept = servers.flatMap((server) => (apps.some(({ name }) => name === serverApp(server)) ? addressNames(server) : []));
  return Object.fromEntries(Object.entries(before).filter(([name]) => kept.includes(name)));
}

/** Addresses that we chose, and a password for each bus user of a server of ours. */
function runValues(choices: Choices, before: RunValues, all: readonly Expected[], oneProcess: boolean): RunValues {
  const kept = (name: string) => [name, before[name] ?? randomBytes(24).toString('base64url')] as const;
  return {
    ...addressesIn(choices),
    ...(choices.nats.port !== undefined && {
      [systemSetting]: before[systemSetting] ?? `polyb-${randomBytes(6).toString('hex')}`,
      ...Object.fromEntries([operatorSetting, ...all.map(({ folder }) => passwordSetting(folder))].map(kept)),
    }),
    ...(oneProcess && { [oneProcessSetting]: 'true' }),
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

interface Away {
  readonly server: Server;
  readonly app: string;
  readonly choice: Choice;
}

/**
 * Starts the own servers that are not up, and moves each to another port when its port has been taken. Returns the final addresses;
 * undefined when a server does not reply in time. Redis is optional.
 */
async function startServers(
  choices: Choices,
  { run, out, signal }: { readonly run: RunValues; readonly out: Output; readonly signal: AbortSignal },
): Promise<Choices | undefined> {
  const away = servers.flatMap((server) => {
    const choice = choices[server];
    return 'missing' in choice || choice.isUp ? [] : [{ server, choice, app: serverApp(server) }];
  });
  const logFrom = new Map(await Promise.all(away.map(async ({ app }) => [app, await logSize(logFile(app))] as const)));
  const settled = await startAll(away, run, signal);
  const silent = settled.filter(({ answers }) => !answers);
  for (const { app } of silent) await tellNotReady(out, app, { app, why: 'does not respond' }, logFrom.get(app) ?? 0);
  if (silent.some(({ server }) => server !== 'redis')) return undefined;
  const placed: Choices = { ...choices, ...Object.fromEntries(settled.map(({ server, choice }) => [server, choice])) };
  const info = await natsInfo(placed.nats.url.split(',')[0] ?? '');
  out.note(`nats-server   ${addressOf(placed.nats.url)}${info ? `  ${info.version}` : ''}`, 'ok');
  tellRedis(placed.redis, out, silent.length === 0);
  return placed;
}

async function startAll(away: readonly Away[], first: RunValues, signal: AbortSignal): Promise<readonly (Away & { answers: boolean })[]> {
  let run = first;
  const until = Date.now() + readyMs;
  const names = away.map(({ app }) => app);
  const started = startApps(names);
  const move = async ({ server, app, choice }: Away): Promise<Away> => {
    const next = await moved(choice);
    run = { ...run, ...addressIn(server, next) };
    await writeRun(run);
    await started;
    await startApps([app]);
    return { server, app, choice: next };
  };
  const settle = async (one: Away): Promise<Away & { answers: boolean }> => {
    for (let moves = 0, each = one; ; moves++) {
      const answer = await answerAt(each, () => run, until, signal);
      if (answer !== 'other' || moves === mostMoves) return { ...each, answers: answer === 'own' };
      each = await move(each);
    }
  };
  const [settled] = await Promise.all([Promise.all(away.map(settle)), started]);
  return settled;
}

/** The owner of a port once it has replied. A program that never replies counts as another owner after the server has ended because of it. */
async function answerAt({ server, app, choice }: Away, run: () => RunValues, until: number, signal: AbortSignal): Promise<Owner> {
  for (let lookAt = Date.now() + suspectMs; ; await pause(30, signal)) {
    const answer = await ownerAt[server](run());
    if (answer !== 'silent' || Date.now() > until) return answer;
    if (Date.now() < lookAt) continue;
    const apps = (await isFree(choice.port ?? 0)) ? [] : await listApps();
    if (apps.some(({ name, status, restarts }) => name === app && (status !== 'online' || restarts > 0))) return 'other';
    lookAt = Date.now() + suspectMs;
  }
}

function tellRedis(redis: Choices['redis'], out: Output, answers: boolean): void {
  if (!('missing' in redis)) {
    if (answers) out.note(`redis         ${addressOf(redis.url)}`, 'ok');
    else out.note('until Redis responds, each process counts rate limits and quotas on its own', 'warn');
  } else if (redis.missing !== null) {
    out.note(`redis         none; each process counts rate limits and quotas on its own: ${redis.missing}`, 'warn');
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
  { apps, isStale }: { readonly apps: readonly App[]; readonly isStale: boolean },
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

  await using connected = await connect(invocation, { own: true });
  const { bus } = connected;
  const since = Date.now();
  const before = await askBus(bus, signal);
  const isUp = (each: Expected & Placed) =>
    !isStale && readyInstances(before, each).length > 0 && apps.some(({ name }) => name === each.app);
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
  const [failed] = await Promise.all([waiting, startApps(names.filter((name) => isStale || !isBooting(name, apps)))]);
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

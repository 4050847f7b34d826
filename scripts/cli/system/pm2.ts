/** PM2, as a program and as a daemon, and never imported (its licence is AGPL). Whether a service is well is asked of the bus, not of PM2. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { hostFailure } from '../kernel/host-failure.ts';
import { ask, daemonRuns, pm2Home, track } from './pm2-socket.ts';
import { logFolder, root, state } from './project.ts';

const program = join(root, 'node_modules', 'pm2', 'bin', 'pm2');
const config = join(root, 'ecosystem.config.js');
const namespace = 'polyb';
/** In ecosystem.config.js: stop_exit_codes. */
const badSettingsExit = 78;
/** Names the PM2 daemon that we started, so that `down` may end it. */
const startedFile = join(state, 'pm2-daemon');
const starting = 'starting';

/** Says what to do when PM2's own folder cannot be written to. */
export function unwritableHome(cause: PolybError): PolybError {
  const message = `${cause.message} PM2 keeps its files in ${pm2Home()}; set PM2_HOME to a writable folder.`;
  return new PolybError('failed_precondition', message, { reason: 'not_writable', cause });
}

/** A process under PM2. */
export interface App {
  readonly id: number;
  readonly name: string;
  /** 0 when it does not run. */
  readonly pid: number;
  /** `online`, `launching`, `stopping`, `stopped`, `errored`, `waiting restart`. */
  readonly status: string;
  readonly restarts: number;
  readonly memoryBytes: number;
  /** Unix ms of its last start. */
  readonly startedAt: number;
  /** What it was started with; an instance that is added gets the same. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long it may stop before PM2 kills it. */
  readonly killMs: number;
}
interface Listed extends App {
  readonly namespace: string;
  readonly cwd: string;
}

/** This checkout's apps; [] when PM2 does not run. */
export async function listApps(): Promise<readonly App[]> {
  return (await listAll()).filter((app) => app.namespace === namespace && app.cwd === root);
}

/**
 * This checkout's apps.
 * @throws PolybError failed_precondition/other_checkout when another checkout is up under the same PM2, conflict/name_taken when an app of somebody else has one of `names`.
 */
export async function listOwnApps(names: readonly string[]): Promise<readonly App[]> {
  const all = await listAll();
  const stranger = all.find((app) => app.namespace === namespace && app.cwd !== root);
  if (stranger) {
    const way = existsSync(stranger.cwd)
      ? `Run \`polyb down\` there`
      : `That folder no longer exists; run \`npx pm2 delete ${stranger.name}\` for each of its processes`;
    throw new PolybError(
      'failed_precondition',
      `Another checkout of PolyB is up under this PM2: ${stranger.cwd}. ${way}, or set PM2_HOME to give this checkout its own PM2.`,
      { reason: 'other_checkout' },
    );
  }
  const taken = all.find((app) => app.namespace !== namespace && names.includes(app.name));
  if (taken) {
    throw new PolybError(
      'conflict',
      `PM2 already runs another program named ${taken.name}, from ${taken.cwd}. Rename that program, or set PM2_HOME to give PolyB its own PM2.`,
      { reason: 'name_taken' },
    );
  }
  return all.filter((app) => app.namespace === namespace);
}

const rows = async (): Promise<readonly Row[]> => (await ask('getMonitorData', {})) as readonly Row[];
async function listAll(): Promise<readonly Listed[]> {
  if (!(await daemonRuns())) return [];
  return (await rows()).map(({ pm_id, name, pid, monit, pm2_env }) => ({
    id: pm_id,
    name,
    pid: pid ?? 0,
    status: isOver(pid ?? 0, pm2_env.exit_code) ? 'stopped' : pm2_env.status,
    restarts: pm2_env.restart_time,
    memoryBytes: monit?.memory ?? 0,
    startedAt: pm2_env.pm_uptime ?? 0,
    env: pm2_env.env ?? {},
    killMs: pm2_env.kill_timeout ?? 0,
    namespace: pm2_env.namespace,
    cwd: pm2_env.pm_cwd,
  }));
}
/** PM2 calls it "waiting restart" even after an exit with one of stop_exit_codes, which it will never restart. */
const isOver = (pid: number, exitCode: number | undefined): boolean => pid === 0 && exitCode === badSettingsExit;
/** What we read of PM2's own records. */
interface Row {
  readonly pm_id: number;
  readonly name: string;
  readonly pid?: number;
  readonly monit?: { readonly memory: number };
  readonly pm2_env: {
    readonly status: string;
    readonly restart_time: number;
    readonly exit_code?: number;
    readonly pm_uptime?: number;
    readonly namespace: string;
    readonly pm_cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly kill_timeout?: number;
  };
}

/** Starts apps of ecosystem.config.js. One that PM2 has already is removed first: PM2 may just be starting it again by itself. */
export async function startApps(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await removeApps((await listApps()).filter(({ name }) => names.includes(name)));
  await mkdir(logFolder, { recursive: true, mode: 0o700 });
  const isOurs = !(await daemonRuns());
  // Said before it is done: we may be stopped in between.
  if (isOurs) await writeFile(startedFile, starting);
  await pm2('start', config, '--only', names.join(','));
  if (isOurs) await writeFile(startedFile, await daemonPid());
}

/** Starts one more instance of a running app, as that one was started, but for the time that it has to stop. Returns it. */
export async function addInstance({ id }: Pick<App, 'id'>, killMs: number): Promise<Pick<App, 'id' | 'killMs'>> {
  const of = (await rows()).find(({ pm_id }) => pm_id === id);
  if (of === undefined) throw new PolybError('failed_precondition', 'The process ended while its successor was about to start.');
  // PM2 gives a process without these an id of its own; its own duplicateProcessId would keep the time to stop.
  const [added] = (await ask('prepare', {
    ...of.pm2_env,
    ...{ pm_id: undefined, unique_id: undefined, created_at: undefined, kill_timeout: killMs },
  })) as readonly { readonly pm2_env: { readonly pm_id: number } }[];
  if (added === undefined) throw new PolybError('internal', 'PM2 has started no second instance.');
  return { id: added.pm2_env.pm_id, killMs };
}

/**
 * Every app runs once. A second instance is what a restart that was killed has left; the older one is kept while it is well. One that
 * still stops is left to end by itself.
 */
export function surplus(apps: readonly App[]): readonly App[] {
  const kept = new Map<string, App>();
  for (const app of [...apps].sort((a, b) => a.id - b.id)) {
    const first = kept.get(app.name);
    if (first === undefined || (first.status !== 'online' && app.status === 'online')) kept.set(app.name, app);
  }
  return apps.filter((app) => kept.get(app.name) !== app && app.status !== 'stopping');
}

/** Stops instances, each with its full time to drain, and forgets them. */
export async function removeApps(apps: readonly Pick<App, 'id' | 'killMs'>[]): Promise<void> {
  await Promise.all(
    apps.map(async ({ id, killMs }) => {
      // An app that PM2 is about to start again would come back, or go on without being listed, if it were deleted at once.
      await ask('stopProcessId', id, killMs);
      await ask('deleteProcessId', id);
    }),
  );
}

/** Ends PM2's daemon if `startApps` started it and nothing runs in it any more. Answers whether it did. */
export async function endDaemon(): Promise<boolean> {
  const started = await readFile(startedFile, 'utf8').catch(() => '');
  const isOurs = started === starting || (started !== '' && started === (await daemonPid()));
  if (!isOurs || !(await daemonRuns()) || (await listAll()).length > 0) return false;
  await pm2('kill');
  await rm(startedFile, { force: true });
  return true;
}

/** Whether the daemon that runs is of the version that is installed here. */
export async function daemonIsCurrent(): Promise<boolean> {
  const { version } = JSON.parse(await readFile(join(root, 'node_modules', 'pm2', 'package.json'), 'utf8')) as { version: string };
  return (await ask('getVersion', {})) === version;
}

const daemonPid = (): Promise<string> => readFile(join(pm2Home(), 'pm2.pid'), 'utf8').catch(() => '');

const pm2 = (...args: readonly string[]): Promise<string> => track(run(args));

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, PM2_DISABLE_VERSION_CHECK: 'true', PM2_CONCURRENT_ACTIONS: '8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    // A group of its own: Ctrl-C must not leave PM2's list half changed.
    detached: process.platform !== 'win32',
  });
  const [[status], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  if (status === 0) return stdout;
  const cause = hostFailure(new Error(`${stderr}${stdout}`));
  if (cause !== undefined) throw cause.reason === 'not_writable' ? unwritableHome(cause) : cause;
  const said = /\[ERROR\][^\n]*/.exec(`${stdout}${stderr}`)?.[0] ?? `${stderr}${stdout}`.trim().slice(-500);
  throw new PolybError('internal', `pm2 ${args[0]} failed: ${said}`);
}

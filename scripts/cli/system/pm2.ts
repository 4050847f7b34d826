/** PM2, run as a program and never imported (its licence is AGPL). Whether a service is well is asked of the bus, not of PM2. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { logFolder, root, state } from './project.ts';

const program = join(root, 'node_modules', 'pm2', 'bin', 'pm2');
const config = join(root, 'ecosystem.config.js');
const namespace = 'polyb';
/** In ecosystem.config.js: stop_exit_codes. */
const badSettingsExit = 78;
/** Names the PM2 daemon that we started, so that `down` may end it. */
const startedFile = join(state, 'pm2-daemon');
const starting = 'starting';

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
}
interface Listed extends App {
  readonly namespace: string;
  readonly cwd: string;
}

const home = (): string => process.env.PM2_HOME ?? join(homedir(), '.pm2');

/** Whether PM2's daemon answers; asking PM2 itself would start one. */
export function daemonRuns(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(process.platform === 'win32' ? '\\\\.\\pipe\\rpc.sock' : join(home(), 'rpc.sock'));
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(2_000, () => answer(false));
  });
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
      : `That folder is gone; run \`npx pm2 delete ${stranger.name}\` and its like`;
    throw new PolybError(
      'failed_precondition',
      `Another checkout of PolyB is up under this PM2: ${stranger.cwd}. ${way}, or give this one a PM2 of its own by setting PM2_HOME.`,
      { reason: 'other_checkout' },
    );
  }
  const taken = all.find((app) => app.namespace !== namespace && names.includes(app.name));
  if (taken) {
    throw new PolybError(
      'conflict',
      `PM2 already runs another program named ${taken.name}, from ${taken.cwd}. Rename that one, or set PM2_HOME to give PolyB a PM2 of its own.`,
      { reason: 'name_taken' },
    );
  }
  return all.filter((app) => app.namespace === namespace);
}

async function listAll(): Promise<readonly Listed[]> {
  if (!(await daemonRuns())) return [];
  const said = await pm2('jlist', '--silent');
  // PM2 may say things before it answers.
  const rows = JSON.parse(said.slice(said.search(/\[(\{"pid"|\])/))) as readonly Row[];
  return rows.map(({ pm_id, name, pid, monit, pm2_env }) => ({
    id: pm_id,
    name,
    pid: pid ?? 0,
    status: isOver(pid ?? 0, pm2_env.exit_code) ? 'stopped' : pm2_env.status,
    restarts: pm2_env.restart_time,
    memoryBytes: monit?.memory ?? 0,
    startedAt: pm2_env.pm_uptime ?? 0,
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
  };
}

/** Starts apps of ecosystem.config.js, or starts them again; resolves when each has said that it is ready, has ended, or 15 s have passed. */
export async function startApps(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await mkdir(logFolder, { recursive: true, mode: 0o700 });
  const isOurs = !(await daemonRuns());
  // Said before it is done: we may be stopped in between.
  if (isOurs) await writeFile(startedFile, starting);
  await pm2('start', config, '--only', names.join(','));
  if (isOurs) await writeFile(startedFile, await daemonPid());
}

/** Starts one more instance of a running app, as that one was started. */
export const addInstance = (name: string): Promise<unknown> => pm2('scale', name, '+1');

/** Stops instances, each with its full time to drain, and forgets them. */
export async function removeApps(apps: readonly App[]): Promise<void> {
  await Promise.all(apps.map(({ id }) => pm2('delete', String(id))));
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

/** Whether the daemon that runs is of the version that stands here; PM2 itself says so in its list. */
export async function daemonIsCurrent(): Promise<boolean> {
  return !/out-of-date/.test(await pm2('ls'));
}

const daemonPid = (): Promise<string> => readFile(join(home(), 'pm2.pid'), 'utf8').catch(() => '');

async function pm2(...args: readonly string[]): Promise<string> {
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
  const said = /\[ERROR\][^\n]*/.exec(`${stdout}${stderr}`)?.[0] ?? `${stderr}${stdout}`.trim().slice(-500);
  throw new PolybError('internal', `pm2 ${args[0]} failed: ${said}`);
}

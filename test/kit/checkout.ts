import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { serversDir } from '../../scripts/infra/find-program.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';

/** What the command line finds in its environment; on a busy machine a connection takes long. */
export const commandEnv = (): Readonly<Record<string, string>> => ({ PATH: process.env.PATH ?? '', POLYB_CONNECT_TIMEOUT: '30s' });

const project = join(import.meta.dirname, '..', '..');
const parts = [
  'adapters',
  'bin',
  'bus',
  'config',
  'contracts',
  'media',
  'runtime',
  'scripts',
  'services',
  'contracts.json',
  'ecosystem.config.js',
  'package.json',
];

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Checkout {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the command line in it. */
  polyb(...words: readonly string[]): Promise<Said>;
  /** Another of its programs, left running. */
  start(...words: readonly string[]): ChildProcess;
  /** A shell in it that keeps its variables; answers what a command printed. @throws when one ends with another status than 0 */
  shell(): ((command: string) => Promise<string>) & AsyncDisposable;
  /** Ends its PM2 with everything in it, and removes the folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A copy of this project with a PM2 and a home of its own, which knows nothing of the servers of the tests. */
export async function checkout({
  pm2Home,
  set = {},
}: {
  readonly pm2Home?: string;
  readonly set?: Readonly<Record<string, string>>;
} = {}): Promise<Checkout> {
  const dir = temporaryDir();
  // PostgreSQL's user has to pass through.
  await chmod(dir, 0o755);
  const there = parts.filter((part) => existsSync(join(project, part)));
  const isWanted = (path: string) => !/\.test\.ts$|\/(bench|faults)(\/|$)/.test(path);
  await Promise.all(there.map((part) => cp(join(project, part), join(dir, part), { recursive: true, filter: isWanted })));
  await symlink(join(project, 'node_modules'), join(dir, 'node_modules'));
  await mkdir(join(dir, 'home'));
  // What the tests have unpacked need not be unpacked again.
  if (existsSync(serversDir)) {
    await mkdir(join(dir, '.polyb'));
    await symlink(serversDir, join(dir, '.polyb', 'servers'));
  }
  const env = { ...commandEnv(), HOME: join(dir, 'home'), PM2_HOME: pm2Home ?? join(dir, 'home', '.pm2'), ...set };
  const spawned = (words: readonly string[]) => spawn(process.execPath, words, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const polyb = (...words: readonly string[]) => ended(spawned(['scripts/polyb.js', ...words]));
  return {
    dir,
    env,
    polyb,
    start: (...words) => spawned(words),
    shell: () => openShell({ cwd: dir, env }),
    async [Symbol.asyncDispose]() {
      if (!existsSync(dir)) return;
      await polyb('down', '--wipe', '--yes');
      if (pm2Home === undefined) await ended(spawned(['node_modules/pm2/bin/pm2', 'kill']));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function openShell(at: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }): ReturnType<Checkout['shell']> {
  const bash = spawn('bash', [], { ...at, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) bash[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  const end = /\n?\0(\d+)\n$/;
  const run = async (command: string): Promise<string> => {
    said.stdout = said.stderr = '';
    bash.stdin.write(`${command}\nprintf '\\0%s\\n' $?\n`);
    while (!end.test(said.stdout)) await once(bash.stdout, 'data');
    const [, status] = end.exec(said.stdout) ?? [];
    if (status !== '0') throw new Error(`${command}\nended with ${status}: ${said.stderr}`);
    return said.stdout.replace(end, '');
  };
  return Object.assign(run, {
    async [Symbol.asyncDispose]() {
      bash.stdin.end();
      await once(bash, 'close');
    },
  });
}

/** Resolves with all that a process said once it has ended. */
export async function ended(child: ChildProcess): Promise<Said> {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  const status = await new Promise<number>((resolve, reject) => child.once('close', (code) => resolve(code ?? 1)).once('error', reject));
  return { status, ...said };
}

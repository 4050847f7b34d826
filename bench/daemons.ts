/** Services as PM2 runs them, for benchmarks. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const root = join(import.meta.dirname, '..');
const serve = join(root, 'runtime', 'serve.ts');

/** What PM2 is told about a daemon. */
interface App {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
/** A process of these services, with the flags and the compile cache that PM2 gives to the first of them. Resolves when it is ready. */
export async function forkDaemon(
  folders: readonly string[],
  env: Readonly<Record<string, string>>,
  children: ChildProcess[],
): Promise<ChildProcess> {
  const { apps } = (await import(join(root, 'ecosystem.config.js'))) as { readonly apps: readonly App[] };
  const daemon = apps.find(({ name }) => name === folders[0]);
  const child = fork(serve, [...folders], {
    env: { ...process.env, ...daemon?.env, ...env },
    execArgv: daemon?.args.filter((each) => each.startsWith('--')) ?? [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${folders.join(', ')} ended with ${code} before it was ready`);
  });
  await Promise.race([once(child, 'message', { signal: AbortSignal.timeout(60_000) }), exited]);
  void exited.catch(() => {});
  return child;
}
export async function stopDaemon(child: ChildProcess, withinMs = 10_000): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await Promise.race([once(child, 'exit'), delay(withinMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
}

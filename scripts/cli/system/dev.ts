/** `polyb dev`: takes code as it is saved, and shows what the services write. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Invocation } from '../kernel/command.ts';
import { root } from './project.ts';

const watched = ['contracts', 'bus', 'media', 'adapters', 'services', 'runtime', 'config'];
/** An editor writes one file in several steps, and a checkout many files. */
const calmMs = 200;

export async function dev({ args, out, signal }: Invocation): Promise<number> {
  const polyb = (...words: readonly string[]) => runPolyb([...words, ...(words[0] === 'docs' ? [] : args), '--output', 'none'], signal);
  const program = join(root, 'scripts', 'polyb.js');
  if ((await polyb('up')) !== 0 && !signal.aborted) out.note('not everything is up; the next change starts it again', 'warn');
  const logs = spawn(process.execPath, [program, 'logs', ...args, '--follow', '--since', '1s'], { cwd: root, stdio: 'inherit' });
  const ended = once(logs, 'close');
  out.note(`watching ${watched.map((folder) => `${folder}/`).join(' ')} (Ctrl-C to stop)`, 'ok');
  for await (const files of changesIn(
    watched.map((folder) => join(root, folder)),
    signal,
  )) {
    out.note(`changed: ${files.slice(0, 3).join(', ')}${files.length > 3 ? ` and ${files.length - 3} more` : ''}`);
    await takeOver(polyb, (text) => out.note(text, 'bad'));
  }
  logs.kill('SIGINT');
  await ended;
  return 0;
}

/** Each step only after the one before it went well: code that cannot be loaded restarts nothing. */
export async function takeOver(polyb: (...words: readonly string[]) => Promise<number>, fail: (text: string) => void): Promise<void> {
  for (const step of [
    ['docs', 'build'],
    ['up', '--quiet'],
    ['restart', '--changed'],
  ])
    if ((await polyb(...step)) !== 0) return fail(`polyb ${step[0]} failed; running services continue, and the next change retries it`);
}

/** Sources that changed, all of one burst at once, until the signal fires. Tests and generated files are no sources of what runs. */
export async function* changesIn(folders: readonly string[], signal: AbortSignal): AsyncGenerator<readonly string[]> {
  const changed = new Set<string>();
  let wake: (() => void) | undefined;
  let lastAt = 0;
  const watchers = folders
    .filter((folder) => existsSync(folder))
    .map((folder) =>
      watch(folder, { recursive: true }, (_, name) => {
        if (name === null || !/\.(ts|sql|json)$/.test(name) || /\.test\.ts$/.test(name)) return;
        changed.add(name);
        lastAt = Date.now();
        wake?.();
      }),
    );
  const stop = () => wake?.();
  signal.addEventListener('abort', stop);
  try {
    while (!signal.aborted) {
      const leftMs = changed.size === 0 ? undefined : lastAt + calmMs - Date.now();
      if (leftMs !== undefined && leftMs <= 0) {
        const burst = [...changed];
        changed.clear();
        yield burst;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (leftMs !== undefined) setTimeout(resolve, leftMs);
        });
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    for (const watcher of watchers) watcher.close();
  }
}

/** Another process, since modules that this one has loaded stay as they were. It ends by itself on the terminal's Ctrl-C. */
async function runPolyb(words: readonly string[], signal: AbortSignal): Promise<number> {
  if (signal.aborted) return 130;
  const child = spawn(process.execPath, [join(root, 'scripts', 'polyb.js'), ...words], { cwd: root, stdio: 'inherit' });
  const stop = () => child.kill('SIGINT');
  if (!process.stdin.isTTY) signal.addEventListener('abort', stop, { once: true });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    return status ?? 1;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

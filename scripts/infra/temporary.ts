import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unprivileged } from './unprivileged.ts';

const forgottenAfterMs = 60 * 60 * 1000;

/** A fresh folder that every user may reach, for servers' data; folders of runs that died hard an hour ago or more are removed on the way. */
export function temporaryDir(): string {
  // Not TMPDIR on Unix: it may stand in a home that the servers' user cannot enter.
  const home = process.platform === 'win32' ? tmpdir() : '/var/tmp';
  sweep(home);
  return mkdtempSync(join(home, `polyb-tmp-${process.pid}-`));
}

function sweep(home: string): void {
  const owners = [process.getuid?.(), unprivileged()?.uid];
  for (const name of readdirSync(home)) {
    const pid = Number(/^polyb-tmp-(\d+)-/.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    const dir = join(home, name);
    const made = statSync(dir, { throwIfNoEntry: false });
    // Only our own, and only old ones: the process may live in another container that shares this folder.
    if (made && owners.includes(made.uid) && Date.now() - made.mtimeMs > forgottenAfterMs) rmSync(dir, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // ESRCH: no such process. EPERM: it lives, and is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

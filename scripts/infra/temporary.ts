import { mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unprivileged } from './unprivileged.ts';

const forgottenAfterMs = 60 * 60 * 1000;

/** A file system in memory, and how much of it must be free. */
const memory = { dir: '/dev/shm', leastBytes: 4 * 1024 ** 3 };

/**
 * A fresh folder that every user may reach, for servers' data; folders of runs that died hard an hour ago or more are removed on the way.
 * @param inMemory on a file system in memory, if there is one with enough room
 */
export function temporaryDir({ inMemory = false }: { readonly inMemory?: boolean } = {}): string {
  // Not TMPDIR on Unix: it may stand in a home that the servers' user cannot enter.
  const disk = process.platform === 'win32' ? tmpdir() : '/var/tmp';
  const home = inMemory && isRoomy(memory.dir) ? memory.dir : disk;
  sweep(home);
  return mkdtempSync(join(home, `polyb-tmp-${process.pid}-`));
}

function isRoomy(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize >= memory.leastBytes;
  } catch {
    return false; // There is no such folder.
  }
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

/** One `up`, `down` or `restart` of a checkout at a time. */
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { state } from './project.ts';

const file = join(state, 'lock');

/** @throws PolybError conflict/in_progress while another command holds it. A lock of a dead process is taken over. */
export async function lock(command: string): Promise<AsyncDisposable> {
  await mkdir(state, { recursive: true });
  // Linked with its words in it: one that is still empty would look like that of a dead process.
  const written = `${file}.${process.pid}`;
  await writeFile(written, `${process.pid} ${command}`);
  await using _ = { [Symbol.asyncDispose]: () => rm(written, { force: true }) };
  for (let attempt = 1; ; attempt++) {
    try {
      await link(written, file);
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const [pid = '', held = ''] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
      if (attempt > 2 || isAlive(Number(pid))) {
        throw new PolybError('conflict', `polyb ${held} is at work here (process ${pid}); wait until it is done.`, {
          reason: 'in_progress',
        });
      }
      await rm(file, { force: true });
    }
  }
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

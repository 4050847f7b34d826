/** One `up`, `down` or `restart` at a time, of a checkout and of a PM2. */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { hostFailure } from '../kernel/host-failure.ts';
import { unwritableHome } from './pm2.ts';
import { pm2Home, pm2Settled } from './pm2-socket.ts';
import { root, state } from './project.ts';

/** @throws PolybError conflict/in_progress while another command holds it; failed_precondition/not_writable for a PM2_HOME that cannot be written to. A lock of a dead process is taken over. */
export async function lock(command: string): Promise<AsyncDisposable> {
  await using held = new AsyncDisposableStack();
  held.use(await take(join(state, 'lock'), command));
  try {
    held.use(await take(join(pm2Home(), 'polyb.lock'), command));
    held.defer(async () => void (await pm2Settled())); // a command that was stopped has left PM2 at work
  } catch (error) {
    const cause = hostFailure(error);
    throw cause?.reason === 'not_writable' ? unwritableHome(cause) : error;
  }
  return held.move();
}

async function take(file: string, command: string): Promise<AsyncDisposable> {
  await mkdir(dirname(file), { recursive: true });
  // Linked with its words in it: one that is still empty would look like that of a dead process.
  const written = `${file}.${process.pid}`;
  await writeFile(written, `${process.pid} ${command} ${root}`);
  await using _ = { [Symbol.asyncDispose]: () => rm(written, { force: true }) };
  for (let attempt = 1; ; attempt++) {
    try {
      await link(written, file);
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderIn(await readFile(file, 'utf8').catch(() => ''));
      if (attempt > 2 || isAlive(holder.pid)) throw inProgress(holder);
      await discard(file, holder.pid);
    }
  }
}

interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly checkout: string;
}
function holderIn(text: string): Holder {
  const [pid = '', command = '', ...checkout] = text.split(' ');
  return { pid: Number(pid), command, checkout: checkout.join(' ') };
}

/** Moved aside first: between our look and this, another command may have taken the dead one's place. */
async function discard(file: string, deadPid: number): Promise<void> {
  const aside = `${file}.${process.pid}.dead`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const { pid } = holderIn(await readFile(aside, 'utf8'));
  if (pid !== deadPid) await link(aside, file).catch(() => {}); // a third has taken it meanwhile: one of the two holds it
  await rm(aside, { force: true });
}

function inProgress({ pid, command, checkout }: Holder): PolybError {
  const message =
    checkout === root
      ? `polyb ${command} is running in this checkout (process ${pid}); wait until it ends.`
      : `polyb ${command} of another checkout, ${checkout}, is running under this PM2 (process ${pid}). Wait until it ends, or set PM2_HOME to give this checkout its own PM2.`;
  return new PolybError('conflict', message, { reason: 'in_progress' });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

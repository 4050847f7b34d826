import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** The user a server runs as when we are root and it refuses to be. */
export type RunAs = { readonly uid: number; readonly gid: number };

const standIns = '/var/lib/polyb';

/** The account that stands in for root: `postgres` where it exists, else `nobody` (initdb wants an account with a name); undefined when we are not root. */
export function unprivileged(): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  return accounts.get('postgres') ?? accounts.get('nobody');
}

/** Whether that user may pass through every folder above `dir`. */
function canEnter(dir: string, { uid, gid }: RunAs): boolean {
  const parent = dirname(dir);
  if (parent === dir) return true;
  const above = statSync(parent, { throwIfNoEntry: false });
  const bit = above?.uid === uid ? 0o100 : above?.gid === gid ? 0o010 : 0o001;
  return (above === undefined || (above.mode & bit) !== 0) && canEnter(parent, { uid, gid });
}

/**
 * `dir` itself where the server's user can reach it, else its stand-in under /var/lib/polyb: a project in root's 0700 home is closed to that user.
 * The same `dir` always gets the same stand-in.
 */
export function enterable(dir: string, runAs: RunAs | undefined): string {
  const wanted = resolve(dir);
  if (!runAs || canEnter(wanted, runAs)) return wanted;
  return join(standIns, `${basename(wanted)}-${createHash('sha256').update(wanted).digest('hex').slice(0, 8)}`);
}

/** Makes the folders above a path that `enterable` gave. */
export function makeParent(path: string): void {
  const parent = dirname(path);
  mkdirSync(parent, { recursive: true });
  // Whatever root's umask is, the way to a stand-in must be open.
  if (parent === standIns) chmodSync(parent, 0o755);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Checks that package-lock.json serves every platform and every registry. `node scripts/lockfile.ts` prints what is missing and exits 1.
 * npm writes an incomplete lockfile without a word when a registry lacks some platform's binary, and `npm ci` then refuses it elsewhere.
 */

type LockedPackage = {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
export type Lockfile = { readonly packages: Readonly<Record<string, LockedPackage>> };

/** What is wrong with the lockfile, one sentence each: a platform's package left out, no checksum, or a registry's address. */
export function lockfileProblems({ packages }: Lockfile): string[] {
  return Object.entries(packages).flatMap(([place, locked]) => {
    const optional = Object.keys(locked.optionalDependencies ?? {});
    const missing = optional
      .filter((name) => !isReachable(packages, place, name))
      .map((name) => `${name}, optional for ${place || 'the project'}, is missing`);
    if (place === '' || locked.link || locked.inBundle) return missing;
    const noIntegrity = locked.integrity ? [] : [`${place} has no integrity`];
    const hasAddress = locked.resolved ? [`${place} names a registry's address`] : [];
    return [...missing, ...noIntegrity, ...hasAddress];
  });
}

/** Whether a package at `place` would find `name` as Node does: in its own node_modules, or in one above. */
function isReachable(packages: Lockfile['packages'], place: string, name: string): boolean {
  if (`${place && `${place}/`}node_modules/${name}` in packages) return true;
  if (place === '') return false;
  const above = place.lastIndexOf('/node_modules/');
  return isReachable(packages, above < 0 ? '' : place.slice(0, above), name);
}

export function readLockfile(root: string): Lockfile {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
}

if (import.meta.main) {
  const problems = lockfileProblems(readLockfile(join(import.meta.dirname, '..')));
  for (const problem of problems) console.error(`package-lock.json: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

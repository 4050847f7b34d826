import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from './find-program.ts';
import { makeParent } from './unprivileged.ts';

const run = promisify(execFile);

/** Whether this machine can unpack Debian packages (Debian, Ubuntu and their like). */
export function hasDebianTools(): boolean {
  return onPath('apt-get') !== null && onPath('dpkg') !== null;
}

/**
 * Unpacks a Debian package, with whatever it depends on and the host does not have, into `folder`, and returns the folder.
 * Nothing is installed: no root, no service enabled, no change to the host's package lists. A repeat returns at once.
 */
export async function unpackDebian(name: string, folder: string, signal?: AbortSignal): Promise<string> {
  if (existsSync(folder)) return folder;
  makeParent(folder);
  const work = await mkdtemp(`${folder}-`);
  try {
    const packages = join(work, 'packages');
    const root = join(work, 'root');
    await mkdir(join(work, 'lists', 'partial'), { recursive: true });
    await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
    await mkdir(packages);
    await mkdir(root, { mode: 0o755 });
    const apt = async (...args: string[]) => {
      const own = [
        `Dir::State::lists=${join(work, 'lists')}`,
        `Dir::Cache=${join(work, 'cache')}`,
        'Debug::NoLocking=1',
        'APT::Sandbox::User=',
      ];
      const options = own.flatMap((option) => ['-o', option]);
      const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
      try {
        return (await run('apt-get', [...options, ...args], { cwd: packages, env, maxBuffer: 16 << 20, signal })).stdout;
      } catch (error) {
        const { stderr = '', code } = error as { stderr?: string; code?: unknown };
        const said = stderr.match(/^E: (.*)$/m)?.[1] ?? stderr.trim().split('\n').at(-1);
        throw new Error(`apt-get ${args[0]}: ${said || `ended with ${code}`}`, { cause: error });
      }
    };
    await apt('update');
    const plan = await apt('install', '--simulate', '--no-install-recommends', name);
    const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, missed]) => missed as string);
    await apt('download', ...(missing.includes(name) ? missing : [name, ...missing]));
    for (const file of await readdir(packages)) await run('dpkg', ['-x', join(packages, file), root]);
    await rename(root, folder).catch((error: NodeJS.ErrnoException) => {
      // Another process may have finished the same work first.
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasDebianTools, unpackDebian } from './debian.ts';
import { type FindOptions, firstProgram, type Origin, onPath, programIn, serverMissing, serversDir } from './find-program.ts';

export type RedisServer = { readonly bin: string; readonly env: Record<string, string>; readonly origin: Origin };

const usualFolders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/home/linuxbrew/.linuxbrew/bin'];

const install = {
  debian: 'sudo apt-get install redis-server',
  macos: 'brew install redis',
  windows: 'winget install Redis.Redis',
};

/** Finds redis-server: on PATH, in the usual folders, else unpacked from Debian's package without installing it. */
export async function findRedis({ servers = serversDir, unpack = true, signal }: FindOptions = {}): Promise<RedisServer> {
  const named = onPath('redis-server');
  if (named) return { bin: named, env: {}, origin: 'path' };
  const usual = firstProgram(usualFolders, 'redis-server');
  if (usual) return { bin: usual, env: {}, origin: 'folder' };
  const unpacked = join(servers, 'redis-server');
  const bin = programIn(join(unpacked, 'usr', 'bin'), 'redis-server') ?? programIn(join(unpacked, 'usr', 'bin'), 'redis-check-rdb');
  if (bin) return { bin, env: { LD_LIBRARY_PATH: librariesIn(unpacked).join(':') }, origin: 'unpacked' };
  if (!unpack || !hasDebianTools()) throw serverMissing('redis-server', install, 'REDIS_URL');
  try {
    await unpackDebian('redis-server', unpacked, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw serverMissing('redis-server', install, 'REDIS_URL', error);
  }
  return findRedis({ servers, unpack: false });
}

/** The unpacked package's own libraries: `usr/lib/<machine>`. */
function librariesIn(unpacked: string): readonly string[] {
  const lib = join(unpacked, 'usr', 'lib');
  return readdirSync(lib, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-'))
    .map(({ name }) => join(lib, name));
}

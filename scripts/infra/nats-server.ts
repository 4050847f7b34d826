import { join } from 'node:path';
import { hasDebianTools, unpackDebian } from './debian.ts';
import { type FindOptions, firstProgram, type Origin, onPath, programIn, serverMissing, serversDir } from './find-program.ts';

export type NatsServer = { readonly bin: string; readonly env: Record<string, string>; readonly origin: Origin };

/** Debian keeps nats-server in /usr/sbin, which is not on every user's PATH. */
const usualFolders = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/opt/homebrew/bin', '/home/linuxbrew/.linuxbrew/bin'];

const install = {
  debian: 'sudo apt-get install nats-server',
  macos: 'brew install nats-server',
  windows: 'winget install NATSAuthors.NATSServer',
};

/** Finds nats-server: on PATH, in the usual folders, else unpacked from Debian's package without installing it. */
export async function findNatsServer({ servers = serversDir, unpack = true, signal }: FindOptions = {}): Promise<NatsServer> {
  const named = onPath('nats-server');
  if (named) return { bin: named, env: {}, origin: 'path' };
  const usual = firstProgram(usualFolders, 'nats-server');
  if (usual) return { bin: usual, env: {}, origin: 'folder' };
  const unpacked = join(servers, 'nats-server');
  const bin = programIn(join(unpacked, 'usr', 'sbin'), 'nats-server');
  if (bin) return { bin, env: {}, origin: 'unpacked' };
  if (!unpack || !hasDebianTools()) throw serverMissing('nats-server', install, 'NATS_URL');
  try {
    await unpackDebian('nats-server', unpacked, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw serverMissing('nats-server', install, 'NATS_URL', error);
  }
  return findNatsServer({ servers, unpack: false });
}

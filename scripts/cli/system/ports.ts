import { createServer, type Server } from 'node:net';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isFree } from '../../infra/ready.ts';

const attempts = 100;
const reserved = new Map<number, Server>();

/**
 * The first free port among `wanted` and the ports after the last of them. It stays reserved until this process ends, so that another
 * `up` on this machine does not choose it before a server listens there.
 */
export async function portFrom(...wanted: readonly number[]): Promise<number> {
  const last = wanted.at(-1) ?? 1024;
  for (const port of [...wanted, ...Array.from({ length: attempts }, (_, index) => last + 1 + index)])
    if ((await reserve(port)) && (await isFree(port))) return port;
  throw new PolybError('unavailable', `No port from ${last} to ${last + attempts} is free on 127.0.0.1.`);
}

/**
 * Holds a socket name that one process at a time can have and that the kernel releases when the process ends. Without it, two gateways
 * of one user could share a port, because a gateway lets its successor listen on the same port. macOS has no such names.
 */
function reserve(port: number): Promise<boolean> {
  const name = { linux: `\0polyb-port-${port}`, win32: `\\\\.\\pipe\\polyb-port-${port}` }[process.platform as string];
  if (name === undefined || reserved.has(port)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(name, () => {
      reserved.set(port, server.unref());
      resolve(true);
    });
  });
}

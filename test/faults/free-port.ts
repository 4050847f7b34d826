import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port on loopback on which nobody listened just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on a port, not on a pipe
  server.close();
  await once(server, 'close');
  return port;
}

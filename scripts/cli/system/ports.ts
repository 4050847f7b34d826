import { connect, createServer } from 'node:net';
import { PolybError } from '../../../contracts/kit/errors.ts';

const host = '127.0.0.1';
const attempts = 100;

/** The first of `wanted` and what follows the last of them that nobody listens on. */
export async function portFrom(...wanted: readonly number[]): Promise<number> {
  const last = wanted.at(-1) ?? 1024;
  for (const port of [...wanted, ...Array.from({ length: attempts }, (_, index) => last + 1 + index)]) if (await isFree(port)) return port;
  throw new PolybError('unavailable', `No port from ${last} to ${last + attempts} is free on ${host}.`);
}

async function isFree(port: number): Promise<boolean> {
  // Listening alone does not tell on every system: a listener on all addresses may leave 127.0.0.1 open to us.
  return !(await answers(port)) && (await canListen(port));
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(1_000, () => answer(false));
  });
}

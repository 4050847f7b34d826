/** PM2's daemon, asked on its socket: to run PM2's program for a request takes half a second. */
import { connect, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PolybError } from '../../../contracts/kit/errors.ts';

const patienceMs = 60_000;

/** PM2's own folder. */
export const pm2Home = (): string => process.env.PM2_HOME ?? join(homedir(), '.pm2');

const open = (): Socket => connect(process.platform === 'win32' ? '\\\\.\\pipe\\rpc.sock' : join(pm2Home(), 'rpc.sock'));

/** Whether PM2's daemon runs. */
export function daemonRuns(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = open();
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(2_000, () => answer(false));
  });
}

/** Requests that PM2 has not answered yet. */
const pending = new Set<Promise<unknown>>();
/** Resolves when everything that PM2 was asked for has ended. */
export const pm2Settled = (): Promise<unknown> => Promise.allSettled(pending);
/** Makes `pm2Settled` wait for it. */
export function track<T>(work: Promise<T>): Promise<T> {
  const tracked = work.finally(() => pending.delete(tracked));
  pending.add(tracked);
  return tracked;
}

/** Calls a method of the daemon, which may take `busyMs` longer than one that only answers. @throws PolybError internal when it refuses, ends or does not answer */
export function ask(method: string, argument: unknown, busyMs = 0): Promise<unknown> {
  return track(
    new Promise((resolve, reject) => {
      const socket = open();
      const fail = (what: string) => reject(new PolybError('internal', `PM2: ${method}: ${what}`));
      let received = Buffer.alloc(0);
      socket.on('connect', () => socket.write(frame([`j:${JSON.stringify({ type: 'call', method, args: [argument] })}`, 's:0'])));
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const [said] = partsIn(received) ?? [];
        if (said === undefined) return;
        const { error, args } = JSON.parse(said.slice(2)) as { error?: unknown; args?: readonly unknown[] };
        if (error === undefined) resolve(args?.[0]);
        else fail(typeof error === 'string' ? error : JSON.stringify(error));
        socket.destroy();
      });
      socket.on('error', ({ message }) => fail(message));
      socket.on('close', () => fail('the connection was closed'));
      socket.setTimeout(patienceMs + busyMs, () => socket.destroy());
    }),
  );
}

/** The framing of AMP 1: a byte of version and count, then each part after its length. */
function frame(parts: readonly string[]): Buffer {
  const framed = parts.map((part) => Buffer.from(part)).flatMap((part) => [lengthOf(part), part]);
  return Buffer.concat([Buffer.of((1 << 4) | parts.length), ...framed]);
}
function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}

/** Undefined until all of them are there. */
function partsIn(message: Buffer): readonly string[] | undefined {
  const parts: string[] = [];
  let at = 1;
  for (let count = (message[0] ?? 0) & 0xf; count > 0; count--) {
    if (at + 4 > message.length) return undefined;
    const end = at + 4 + message.readUInt32BE(at);
    if (end > message.length) return undefined;
    parts.push(message.toString('utf8', at + 4, end));
    at = end;
  }
  return parts;
}

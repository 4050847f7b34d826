/** A way to a server that can lose its traffic: nothing passes while a direction is held, and what was sent meanwhile comes late, as TCP sends it again. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Seen from the client: `out` goes to the server, `in` comes from it. */
export type Direction = 'out' | 'in';
export interface FaultyProxy {
  /** Where to connect instead of the real server. */
  readonly url: string;
  hold(...directions: readonly Direction[]): void;
  heal(): void;
  /** Added to what passes from now on, each way, ms. */
  latency(ms: number): void;
  /** Breaks what is connected. */
  reset(): void;
  close(): Promise<void>;
}

export async function faultyProxy(to: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(to);
  const held = new Set<Direction>();
  const pipes = new Set<{ readonly direction: Direction; readonly from: Socket }>();
  const sockets = new Set<Socket>();
  let latencyMs = 0;

  const pass = (direction: Direction, from: Socket, onto: Socket): void => {
    const pipe = { direction, from };
    pipes.add(pipe);
    sockets.add(from);
    if (held.has(direction)) from.pause();
    from.on('data', (chunk) => {
      if (latencyMs === 0) onto.write(chunk);
      else setTimeout(() => onto.write(chunk), latencyMs);
    });
    from.on('error', () => onto.destroy()); // a broken connection is what this is for
    from.on('close', () => {
      pipes.delete(pipe);
      sockets.delete(from);
      onto.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    pass('out', near, far);
    pass('in', far, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`, // a listening TCP server has such an address
    hold(...directions) {
      for (const direction of directions) held.add(direction);
      for (const { direction, from } of pipes) if (held.has(direction)) from.pause();
    },
    heal() {
      held.clear();
      for (const { from } of pipes) from.resume();
    },
    latency(ms) {
      latencyMs = ms;
    },
    reset,
    async close() {
      server.close();
      reset();
      await once(server, 'close');
    },
  };
}

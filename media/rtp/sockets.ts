/** The two UDP ports of a session: an even one for RTP and the next one for RTCP (RFC 3550, section 11). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from './latch.ts';

export interface Sockets {
  readonly port: number;
  send(bytes: Uint8Array, to: Endpoint): void;
  sendControl(bytes: Uint8Array, to: Endpoint): void;
  close(): void;
}
export interface SocketsOptions {
  readonly address: string;
  /** First and last port to use; without them the system chooses. */
  readonly ports: readonly [first: number, last: number] | null;
  readonly random: () => number;
  readonly received: (bytes: Uint8Array, from: RemoteInfo) => void;
  readonly receivedControl: (bytes: Uint8Array, from: RemoteInfo) => void;
  /** Called once, when the socket has become unusable. */
  readonly failed: (error: Error) => void;
}

const mostAttempts = 200;

/**
 * Opens both ports.
 * @throws an Error with code EADDRINUSE when no pair is free
 */
export async function openSockets(options: SocketsOptions): Promise<Sockets> {
  const { address, received, receivedControl, failed } = options;
  const taken: Socket[] = [];
  try {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const rtp = await bound(address, candidate(options, attempt));
      if (rtp === null) continue;
      const { port } = rtp.address();
      const rtcp = port % 2 === 0 ? await bound(address, port + 1) : null;
      if (rtcp === null) {
        taken.push(rtp); // kept open until the end, so that the system offers another port
        continue;
      }
      rtp.on('message', received);
      rtcp.on('message', receivedControl);
      for (const socket of [rtp, rtcp]) socket.on('error', failed);
      return { port, send: sender(rtp), sendControl: sender(rtcp), close: () => [rtp, rtcp].forEach(closed) };
    }
  } finally {
    taken.forEach(closed);
  }
  throw Object.assign(new Error(`${address} has no free pair of ports`), { code: 'EADDRINUSE' });
}

/** The port to try: upwards from a random one in the range, or 0 for the system's choice. */
function candidate({ ports, random }: SocketsOptions, attempt: number): number {
  if (ports === null) return 0;
  const pairs = Math.max(1, Math.floor((ports[1] + 1 - ports[0]) / 2));
  return ports[0] + (ports[0] % 2) + 2 * ((Math.floor(random() * pairs) + attempt) % pairs);
}

/** A bound socket; null if the port is taken. */
function bound(address: string, port: number): Promise<Socket | null> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  // Peers are given by address, so no DNS lookup is needed; the default one costs a turn of the event loop for each packet.
  const socket = createSocket({ type, lookup: (name, _, found) => found(null, name, type === 'udp6' ? 6 : 4) });
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      closed(socket);
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    socket.bind(port, address, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** Sends without waiting: a packet refused by the system, as for a closed port, counts as lost. */
const sender = (socket: Socket) => (bytes: Uint8Array, to: Endpoint) => socket.send(bytes, to.port, to.address, () => {});

function closed(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // it was closed already
  }
}

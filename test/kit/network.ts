/** A network that loses, delays, reorders and doubles packets, the same way for the same seed. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';

export interface Weather {
  readonly seed: number;
  /** Shares of packets, 0 to 1. */
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** A packet is delayed by up to so much; a reordered one by 20 to 60 ms more. */
  readonly jitterMs?: number;
  readonly delayMs?: number;
}

/** When the copies of the next packet arrive, in ms after it was sent: none, one or two. */
export function createWeather({ seed, loss = 0, reorder = 0, duplicate = 0, jitterMs = 0, delayMs = 0 }: Weather): () => readonly number[] {
  const random = seededRandom(seed);
  return () => {
    const [isLost, isLate, isDouble] = [random() < loss, random() < reorder, random() < duplicate];
    const after = delayMs + random() * jitterMs + (isLate ? 20 + 40 * random() : 0);
    return isLost ? [] : isDouble ? [after, after + 5] : [after];
  };
}

export interface Relay {
  /** Where a peer sends to instead of to the other one. */
  readonly port: number;
  close(): void;
}

/** A way over loopback between two UDP ports, with weather in the direction of `to`. The other direction is clear. */
export async function startRelay(from: () => number, to: () => number, weather: Weather): Promise<readonly [there: Relay, back: Relay]> {
  const fate = createWeather(weather);
  const timers = new Set<NodeJS.Timeout>();
  const [near, far] = [await bound(), await bound()];
  near.on('message', (bytes) => {
    for (const ms of fate()) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        far.send(bytes, to(), '127.0.0.1');
      }, ms);
      timers.add(timer);
    }
  });
  far.on('message', (bytes) => near.send(bytes, from(), '127.0.0.1'));
  const close = () => {
    for (const timer of timers) clearTimeout(timer);
    near.close();
    far.close();
  };
  return [
    { port: near.address().port, close },
    { port: far.address().port, close: () => {} },
  ];
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

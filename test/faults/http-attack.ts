/** Attacks an HTTP server from a process of its own, so that what it costs to attack does not count as time that the server took. */
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';

export const Attack = z.object({
  port: z.int(),
  /** A key that is right: bodies and headers are refused for their size alone. */
  key: z.string(),
  slowSockets: z.int(),
  bigBodies: z.int(),
  headerBombs: z.int(),
  guesses: z.int(),
  /** How long slow sockets may stay open, ms. */
  patienceMs: z.int(),
});
export const Attacked = z.object({
  attacked: z.object({
    slowLeft: z.int(),
    bigTaken: z.int(),
    bombsTaken: z.int(),
    guessed: z.int(),
    guessesJudged: z.int(),
    /** 5xx but 503. */
    otherAnswers: z.int(),
  }),
});
const bigBytes = 10_000_000;

async function attack({ port, key, slowSockets, bigBodies, headerBombs, guesses, patienceMs }: z.output<typeof Attack>) {
  const counts = { slowLeft: 0, bigTaken: 0, bombsTaken: 0, guessed: 0, guessesJudged: 0, otherAnswers: 0 };
  const see = (status: number): void => {
    if (status >= 500 && status !== 503) counts.otherAnswers += 1;
  };
  const sockets = Array.from({ length: slowSockets }, (_, nth) => dripping(port, `127.0.0.${3 + (nth % 5)}`));
  await Promise.all([
    inTurns(bigBodies, 4, async (nth) => {
      const path = nth % 2 === 0 ? '/api/v1/telegram/webhook' : '/api/v1/send';
      const body = Buffer.alloc(bigBytes, 0x20);
      const headers = { 'x-api-key': key, 'content-type': 'application/json' };
      const status = await statusOf({ port, from: '127.0.0.9', path, method: 'POST', body, headers });
      if (status >= 200 && status < 300) counts.bigTaken += 1;
      see(status);
    }),
    inTurns(headerBombs, 4, async (nth) => {
      const many = Object.fromEntries(Array.from({ length: 1_900 }, (_, n) => [`x-${n}`, 'boom'.repeat(8)]));
      const bomb = nth % 2 === 0 ? many : { 'x-long': 'b'.repeat(200_000) };
      const status = await statusOf({ port, from: '127.0.0.10', headers: { 'x-api-key': key, ...bomb } });
      if (status >= 200 && status < 300) counts.bombsTaken += 1;
      see(status);
    }),
    inTurns(guesses, 16, async () => {
      const guess = `${key.slice(0, key.indexOf('.'))}.${randomBytes(24).toString('base64url')}`;
      const status = await statusOf({ port, from: '127.0.0.2', headers: { 'x-api-key': guess } });
      if (status === 200) counts.guessed += 1;
      if (status === 401) counts.guessesJudged += 1;
      see(status);
    }),
  ]);
  const late = AbortSignal.timeout(patienceMs);
  await Promise.all(sockets.map((socket) => untilClosed(socket, late)));
  counts.slowLeft = sockets.filter(({ closed }) => !closed).length;
  for (const socket of sockets) socket.destroy();
  return counts;
}

interface Asked {
  readonly port: number;
  /** The address on this machine that it comes from. */
  readonly from: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}
const agent = new Agent({ keepAlive: false });
/** 0 when no answer came: they hung up on us. */
function statusOf({ port, from, path = '/api/v1/journal', method = 'GET', headers, body }: Asked): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, localAddress: from, path, method, headers, agent, timeout: 20_000 }, (answer) => {
      answer.resume();
      answer.once('close', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(0));
    asked.end(body);
  });
}
/** Never finishes its head, a byte every half second. */
function dripping(port: number, from: string): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  socket.on('error', () => {}); // it is to be cut
  socket.resume();
  socket.write('POST /api/v1/send HTTP/1.1\r\nhost: x\r\nx-slow: ');
  const timer = setInterval(() => socket.write('a'), 500);
  socket.once('close', () => clearInterval(timer));
  return socket;
}
async function inTurns(times: number, abreast: number, work: (nth: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: abreast }, async () => {
      while (next < times) await work(next++);
    }),
  );
}
function untilClosed(socket: Socket, late: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    late.addEventListener('abort', () => resolve(), { once: true });
  });
}

if (import.meta.main) {
  process.once('message', (message) => {
    void attack(Attack.parse(message)).then((counts) => process.send?.({ attacked: counts }));
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.('ready');
}

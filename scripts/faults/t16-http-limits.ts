import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gateway } from '../../contracts/gateway.ts';
import { freePort } from './free-port.ts';
import { eventually, openGround } from './ground.ts';
import type { FaultTest } from './test.ts';

const bigBytes = 10_000_000;
const requestTimeoutMs = 4_000;
/** Of a good request on a busy machine; the figure that it took stands in the counts. */
const goodWithinMs = 1_000;

export const t16: FaultTest = {
  id: 'T16',
  title: 'sockets that drip, 10 MB bodies, header bombs and guessed keys, while good requests are answered',
  async run(options) {
    const { full, control, signal, log } = options;
    await using ground = await openGround(options);
    const key = `pk_faults000.${randomBytes(24).toString('base64url')}`;
    await using careless = control ? await carelessServer(key) : undefined;
    const port = careless?.port ?? (await freePort());
    if (careless === undefined) {
      const env = {
        NATS_URL: ground.natsUrl,
        DATABASE_URL: ground.databaseUrl,
        LOG_LEVEL: 'error',
        GATEWAY_PORT: String(port),
        GATEWAY_RATE_LIMIT: '1000000',
        GATEWAY_REQUEST_TIMEOUT_MS: String(requestTimeoutMs),
      };
      await Promise.all(['gateway', 'pipelines'].map((folder) => ground.start({ file: '../serve.ts', args: [folder], env })));
      const secretHash = createHash('sha256')
        .update(key.slice(key.indexOf('.') + 1))
        .digest('hex');
      await (await ground.client()).call(gateway.create_key, { keyId: 'pk_faults000', secretHash, client: 'faults', scopes: ['admin'] });
    }
    const [slow, bodies, bombs, guesses] = full ? [1_500, 500, 1_000, 50_000] : control ? [50, 5, 5, 200] : [800, 40, 80, 3_000];
    const ask = (from: string, more: Omit<Asked, 'port' | 'from'>) => statusOf({ port, from, ...more });

    const over = new AbortController();
    const good: number[] = [];
    let goodFailed = 0;
    const asking = (async () => {
      while (!over.signal.aborted && !signal.aborted) {
        const began = performance.now();
        const status = await ask('127.0.0.1', { headers: { 'x-api-key': key } });
        good.push(performance.now() - began);
        if (status !== 200) goodFailed += 1;
        await delay(10);
      }
    })();

    const sockets = Array.from({ length: slow }, (_, nth) => dripping(port, `127.0.0.${3 + (nth % 5)}`, over.signal));
    const counts = {
      slowSockets: slow,
      slowLeft: 0,
      bigBodies: bodies,
      bigTaken: 0,
      headerBombs: bombs,
      bombsTaken: 0,
      guesses,
      guessed: 0,
      guessesJudged: 0,
      otherAnswers: 0,
    };
    const see = (status: number): void => {
      // 0: they hung up on us.
      if (status >= 500 && status !== 503) counts.otherAnswers += 1;
    };
    await Promise.all([
      inTurns(bodies, 4, async (nth) => {
        const path = nth % 2 === 0 ? '/api/v1/telegram/webhook' : '/api/v1/send';
        const status = await ask('127.0.0.9', {
          path,
          method: 'POST',
          body: Buffer.alloc(bigBytes, 0x20),
          headers: { 'x-api-key': key, 'content-type': 'application/json' },
        });
        if (status >= 200 && status < 300) counts.bigTaken += 1;
        see(status);
      }),
      inTurns(bombs, 4, async (nth) => {
        const many = Object.fromEntries(Array.from({ length: 1_900 }, (_, n) => [`x-${n}`, 'boom'.repeat(8)]));
        const status = await ask('127.0.0.10', {
          headers: { 'x-api-key': key, ...(nth % 2 === 0 ? many : { 'x-long': 'b'.repeat(200_000) }) },
        });
        if (status >= 200 && status < 300) counts.bombsTaken += 1;
        see(status);
      }),
      inTurns(guesses, 16, async () => {
        const status = await ask('127.0.0.2', { headers: { 'x-api-key': `pk_faults000.${randomBytes(24).toString('base64url')}` } });
        if (status === 200) counts.guessed += 1;
        if (status === 401) counts.guessesJudged += 1;
        see(status);
      }),
    ]);
    const isCut = (): boolean => sockets.every(({ closed }) => closed);
    await eventually(isCut, control ? 3 * requestTimeoutMs : 30_000, signal);
    counts.slowLeft = sockets.filter(({ closed }) => !closed).length;
    over.abort();
    await asking;
    for (const socket of sockets) socket.destroy();

    const sorted = good.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
    // In a minute 30 wrong keys of an address are looked at; a few more may be under way when the last of them is.
    const tooManyJudged = Math.max(0, counts.guessesJudged - 60);
    log(`good requests: ${good.length}, half of them within ${at(0.5)} ms, 99% within ${at(0.99)} ms`);
    const taken = counts.slowLeft + counts.bigTaken + counts.bombsTaken + counts.guessed + tooManyJudged;
    const harm = taken + (control ? 0 : goodFailed + counts.otherAnswers + (at(0.99) > goodWithinMs ? 1 : 0));
    return { ok: harm === 0, harm, ...counts, good: good.length, goodFailed, goodP50Ms: at(0.5), goodP99Ms: at(0.99) };
  },
};

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
/** 0 when no answer came. */
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
function dripping(port: number, from: string, signal: AbortSignal): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  socket.on('error', () => {}); // it is to be cut
  socket.resume();
  socket.write('POST /api/v1/send HTTP/1.1\r\nhost: x\r\nx-slow: ');
  const timer = setInterval(() => socket.write('a'), 500);
  const stop = (): void => clearInterval(timer);
  socket.once('close', stop);
  signal.addEventListener('abort', stop, { once: true });
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

/** Waits for everybody, reads whatever comes, and looks at every key. */
async function carelessServer(key: string) {
  const server = createServer({ headersTimeout: 0, requestTimeout: 0, maxHeaderSize: 10_000_000 }, async (asked, response) => {
    for await (const _ of asked);
    response.writeHead(asked.headers['x-api-key'] === key ? 200 : 401).end();
  });
  server.maxHeadersCount = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

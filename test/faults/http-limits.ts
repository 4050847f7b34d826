import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { z } from 'zod';
import { gateway } from '../../contracts/gateway.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import type { Child } from './child.ts';
import { openGround } from './ground.ts';
import { type Attack, Attacked } from './http-attack.ts';
import type { FaultTest } from './test.ts';

const requestTimeoutMs = 4_000;
/** How long good requests are asked before the attack: what this machine needs for them as busy as it is. */
const calmMs = 3_000;
/** Of a good request under attack, on a busy machine; the figures stand in the counts. */
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
      await Promise.all(['gateway', 'journal'].map((folder) => ground.start({ file: '../../runtime/serve.ts', args: [folder], env })));
      const secretHash = createHash('sha256')
        .update(key.slice(key.indexOf('.') + 1))
        .digest('hex');
      await (await ground.client()).call(gateway.create_key, { keyId: 'pk_faults000', secretHash, client: 'faults', scopes: ['admin'] });
    }
    const [slowSockets, bigBodies, headerBombs, guesses] = full
      ? [1_500, 500, 1_000, 50_000]
      : control
        ? [50, 5, 5, 200]
        : [800, 40, 80, 6_000];
    const attacker = await ground.start({ file: './http-attack.ts' });

    const before = await answered(port, key, delay(control ? 0 : calmMs, undefined, { signal }));
    const patienceMs = control ? 3 * requestTimeoutMs : 30_000;
    const attacking = attack(attacker, { port, key, slowSockets, bigBodies, headerBombs, guesses, patienceMs }, signal);
    const during = await answered(port, key, attacking);
    const counts = await attacking;

    // In a minute 30 wrong keys of an address are called wrong, and the next only too many; half of one comes back each second.
    const tooManyJudged = Math.max(0, counts.guessesJudged - 60);
    log(`good requests: ${during.good} under attack, 99% within ${during.p99Ms} ms; ${before.good} before, within ${before.p99Ms} ms`);
    const taken = counts.slowLeft + counts.bigTaken + counts.bombsTaken + counts.guessed + tooManyJudged;
    const harm = taken + (control ? 0 : during.failed + counts.otherAnswers + (during.p99Ms > goodWithinMs ? 1 : 0));
    return {
      ok: harm === 0,
      harm,
      ...{ slowSockets, bigBodies, headerBombs, guesses },
      ...counts,
      good: during.good,
      goodFailed: during.failed,
      goodP50Ms: during.p50Ms,
      goodP99Ms: during.p99Ms,
      calmP50Ms: before.p50Ms,
      calmP99Ms: before.p99Ms,
      // Of a process that does nothing but ask: how late the machine lets it run.
      ownDelayP99Ms: during.ownDelayP99Ms,
    };
  },
};

function attack(attacker: Child, how: z.input<typeof Attack>, signal: AbortSignal): Promise<z.output<typeof Attacked>['attacked']> {
  return new Promise((resolve, reject) => {
    attacker.onMessage((message) => {
      const told = Attacked.safeParse(message);
      if (told.success) resolve(told.data.attacked);
    });
    void attacker.exited.then(() => reject(new Error('the attacker is gone')));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    attacker.send(how);
  });
}

/** Good requests, one after the other, until `over`. */
async function answered(port: number, key: string, over: Promise<unknown>) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
  const late = monitorEventLoopDelay({ resolution: 5 });
  late.enable();
  const times: number[] = [];
  let [failed, isOver] = [0, false];
  const end = over.finally(() => {
    isOver = true;
  });
  end.catch(() => {}); // its owner hears of it
  while (!isOver) {
    const began = performance.now();
    const status = await pool.request({ method: 'GET', path: '/api/v1/journal', headers: { 'x-api-key': key } }).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode;
      },
      () => 0, // no answer came
    );
    times.push(performance.now() - began);
    if (status !== 200) failed += 1;
    await delay(5);
  }
  late.disable();
  await pool.close();
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return { good: times.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), ownDelayP99Ms: Math.round(late.percentile(99) / 1e6) };
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

import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { connectNats } from '../../bus/transports/nats.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { type Lab, openLab } from './lab.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest, RunOptions } from './test.ts';
import { work } from './work.ts';

const inFlight = 32;
/** Within this time of its return everybody is served again; a process that stands still for longer cannot be. */
const backWithinMs = 1_000;
/** How long after its deadline a call may still be without an outcome. */
const toleranceMs = 500;

/** Publishes every 5 ms while the server is away; what was not refused and never arrives was lost in silence. */
interface Publisher {
  publish(nth: number): void;
  /** Numbers that arrived. */
  readonly arrived: ReadonlySet<number>;
}

export const t2: FaultTest = {
  id: 'T2',
  title: 'nats-server killed under load',
  pauseLimitMs: backWithinMs,
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const kills = full ? 500 : control ? 4 : 20;
    await using lab = await openLab(options);
    await lab.startWorker();
    await using publisher = control ? await rawPublisher(lab, signal) : await ownPublisher(lab, signal);
    const load = await loadOf(lab, signal);
    const backMs: number[] = [];
    let [attempted, refused, silent] = [0, 0, 0];
    for (let kill = 0; kill < kills; kill += 1) {
      await delay(random.int(150, 600), undefined, { signal });
      await lab.killNats();
      const window = await publishWhileAway(publisher, random, signal);
      await lab.restartNats();
      const up = performance.now();
      await load.answered(signal);
      backMs.push(Math.round(performance.now() - up));
      await delay(200, undefined, { signal });
      attempted += window.attempted;
      refused += window.refused;
      silent += window.accepted.filter((nth) => !publisher.arrived.has(nth)).length;
    }
    const { accepted, calls, untold, failed } = await load.end();
    const { lost, duplicated } = await missing(lab, accepted, options);
    const p99 = backMs.toSorted((a, b) => a - b)[Math.ceil(backMs.length * 0.99) - 1] ?? 0;
    log(`${kills} kills; back after ${backMs.join(', ')} ms`);
    const harm = silent + lost + duplicated + untold;
    return {
      ok: harm === 0 && p99 <= backWithinMs && refused === attempted && attempted > 0,
      harm,
      kills,
      calls,
      accepted: accepted.length,
      failedTyped: failed,
      untold,
      lost,
      duplicated,
      publishesWhileAway: attempted,
      refused,
      silent,
      backP99Ms: p99,
    };
  },
};

async function publishWhileAway(
  publisher: Publisher,
  random: Random,
  signal: AbortSignal,
): Promise<{ attempted: number; refused: number; accepted: number[] }> {
  const window = { attempted: 0, refused: 0, accepted: [] as number[] };
  await delay(50, undefined, { signal }); // the socket's end must have been noticed
  for (const until = performance.now() + random.int(100, 800); performance.now() < until; await delay(5, undefined, { signal })) {
    const nth = random.int(1, 2 ** 40);
    window.attempted += 1;
    try {
      publisher.publish(nth);
      window.accepted.push(nth);
    } catch {
      window.refused += 1;
    }
  }
  return window;
}

async function listening(lab: Lab, signal: AbortSignal): Promise<{ arrived: Set<number>; close(): Promise<void> }> {
  const transport = await connectNats({ servers: lab.natsUrl, name: 'listener', inboxUser: 'listener', signal });
  const arrived = new Set<number>();
  transport.subscribe('faults.window', ({ data }) => arrived.add(Number(Buffer.from(data).toString())));
  await transport.flush();
  return { arrived, close: () => transport.close() };
}
async function ownPublisher(lab: Lab, signal: AbortSignal): Promise<Publisher & AsyncDisposable> {
  const listener = await listening(lab, signal);
  const transport = await connectNats({ servers: lab.natsUrl, name: 'publisher', inboxUser: 'publisher', signal });
  return {
    arrived: listener.arrived,
    publish: (nth) => transport.publish('faults.window', String(nth)),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await listener.close();
    },
  };
}
/** The client library as it is: it takes what it cannot send. */
async function rawPublisher(lab: Lab, signal: AbortSignal): Promise<Publisher & AsyncDisposable> {
  const listener = await listening(lab, signal);
  const connection = await connect({ servers: lab.natsUrl, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  return {
    arrived: listener.arrived,
    publish: (nth) => connection.publish('faults.window', String(nth)),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await listener.close();
    },
  };
}

interface Load {
  /** Resolves when a call that begins from now on is answered. */
  answered(signal: AbortSignal): Promise<void>;
  end(): Promise<{ accepted: readonly string[]; calls: number; failed: number; untold: number }>;
}
/** Keeps calls in flight. A command that was answered is accepted: it may never be lost. */
async function loadOf(lab: Lab, signal: AbortSignal): Promise<Load> {
  const bus = await lab.client();
  const accepted: string[] = [];
  const stopped = new AbortController();
  const latest = { beganAt: 0 };
  let [calls, failed, untold, nth] = [0, 0, 0, 0];
  let told: () => void = () => {};
  const lanes = Array.from({ length: inFlight }, async (_, lane) => {
    while (!stopped.signal.aborted && !signal.aborted) {
      nth += 1;
      const item = `item-${nth}`;
      const beganAt = performance.now();
      calls += 1;
      const call =
        lane % 2 === 0
          ? bus.call(work.submit, { item, body: 'b', policy: 'looked_up' }, { key: `submit ${item}` })
          : bus.call(work.deliver_looked_up, { item, body: 'b' }, { key: item });
      const late = new AbortController();
      const outcome = await Promise.race([
        call.then(
          () => 'accepted' as const,
          (error: unknown) => toPolybError(error).code,
        ),
        delay(5_000 + toleranceMs, 'untold' as const, { signal: late.signal }),
      ]);
      late.abort();
      if (outcome === 'accepted') {
        accepted.push(item);
        if (beganAt >= latest.beganAt) told();
      } else if (outcome === 'untold' || outcome === 'internal') untold += 1;
      else {
        failed += 1;
        await delay(20);
      }
    }
  });
  return {
    async answered(until) {
      latest.beganAt = performance.now();
      await Promise.race([
        new Promise<void>((resolve) => {
          told = resolve;
        }),
        delay(15_000, undefined, { signal: until }),
      ]);
    },
    async end() {
      stopped.abort();
      await Promise.all(lanes);
      return { accepted, calls, failed, untold };
    },
  };
}

/** Accepted commands whose effect the provider has not seen once. */
async function missing(lab: Lab, accepted: readonly string[], { signal }: RunOptions): Promise<{ lost: number; duplicated: number }> {
  const count = (): { lost: number; duplicated: number } => {
    const times = new Map<string, number>();
    const effects = lab.effects();
    for (const { item } of effects) times.set(item, (times.get(item) ?? 0) + 1);
    return { lost: accepted.filter((item) => !times.has(item)).length, duplicated: effects.length - times.size };
  };
  for (const until = performance.now() + 20_000; count().lost > 0 && performance.now() < until; ) await delay(200, undefined, { signal });
  return count();
}

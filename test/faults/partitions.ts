import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../../bus/bus.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { freezeMs, openLab } from './lab.ts';
import { type Direction, faultyProxy } from './proxy.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { work } from './work.ts';

const callMs = 800;
const everyMs = 20;
const skewMs = 250;
/** Between the check of a deadline and the handler's first line, on a busy machine. */
const toleranceMs = 150;
const recoveryMs = 5_000;

type Cut =
  | { readonly kind: 'partition'; readonly directions: readonly Direction[]; readonly ms: number }
  | { readonly kind: 'freeze'; readonly ms: number }
  | { readonly kind: 'latency'; readonly ms: number };

export const t5: FaultTest = {
  id: 'T5',
  title: 'the service cut off from nats-server, both ways and one way, frozen, and behind 200 ms of latency',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    await using lab = await openLab(options);
    const proxy = await faultyProxy(lab.natsUrl);
    await using _ = { [Symbol.asyncDispose]: () => proxy.close() };
    // With the check off, a request counts from its arrival, however long it lay somewhere.
    const worker = await lab.startWorker({ natsUrl: proxy.url, ...(control ? { clockSkewMs: 3_600_000 } : {}) });
    const bus = await lab.client();
    const calls = steadyCalls(bus, signal);
    const recoveries: number[] = [];
    let [freezes, partitions, unansweredWhenSlow] = [0, 0, 0];
    await recovered(bus, signal);
    for (const cut of plan(random, full, control)) {
      switch (cut.kind) {
        case 'partition':
          partitions += 1;
          proxy.hold(...cut.directions);
          await delay(cut.ms, undefined, { signal });
          proxy.heal();
          break;
        case 'freeze':
          freezes += 1;
          worker.kill('SIGSTOP');
          await delay(cut.ms, undefined, { signal });
          worker.kill('SIGCONT');
          break;
        case 'latency':
          proxy.latency(200);
          unansweredWhenSlow += await probes(bus, cut.ms, signal);
          proxy.latency(0);
          break;
      }
      if (cut.kind === 'latency') continue;
      const took = await recovered(bus, signal);
      recoveries.push(took);
      log(`${cut.kind === 'partition' ? `${cut.directions.join('+')} held` : 'frozen'} ${cut.ms} ms, back after ${took} ms`);
      await delay(1_000, undefined, { signal });
    }
    const issued = await calls.end();
    const began = lab.effects().flatMap(({ item, body }) => {
      const deadlineAt = issued.get(item);
      return deadlineAt === undefined ? [] : [Number(body) - deadlineAt];
    });
    const late = began.filter((afterMs) => afterMs > skewMs + toleranceMs).length;
    const recoveryMaxMs = Math.max(...recoveries);
    return {
      ok: late === 0 && calls.untold() === 0 && unansweredWhenSlow === 0 && recoveryMaxMs <= recoveryMs,
      harm: late,
      partitions,
      freezes,
      calls: issued.size,
      timedOut: calls.timedOut(),
      untold: calls.untold(),
      begun: began.length,
      begunLate: late,
      latestMs: Math.round(Math.max(...began)),
      unansweredWhenSlow,
      recoveryMaxMs,
    };
  },
};

function plan(random: Random, full: boolean, control: boolean): readonly Cut[] {
  const both: Cut = { kind: 'partition', directions: ['out', 'in'], ms: random.int(2_000, 3_000) };
  const toService: Cut = { kind: 'partition', directions: ['in'], ms: random.int(2_000, 4_000) };
  const fromService: Cut = { kind: 'partition', directions: ['out'], ms: random.int(2_000, 4_000) };
  const freeze: Cut = { kind: 'freeze', ms: freezeMs };
  if (control) return [both, toService, freeze];
  if (full)
    return Array.from({ length: 200 }, (): Cut => {
      const ms = random.int(1_000, 60_000);
      return { kind: 'partition', directions: random.pick([['out', 'in'], ['in'], ['out']] as const), ms };
    });
  return random.shuffled([
    both,
    toService,
    fromService,
    freeze,
    { kind: 'partition', directions: ['out', 'in'], ms: 1_000 },
    { kind: 'partition', directions: ['in'], ms: random.int(5_000, 8_000) },
    { kind: 'partition', directions: ['out', 'in'], ms: 12_000 },
    { kind: 'latency', ms: 3_000 },
  ] satisfies Cut[]);
}

/** One call every 20 ms, whatever becomes of those before. */
function steadyCalls(bus: BusHost, signal: AbortSignal) {
  const deadlines = new Map<string, number>();
  const open = new Set<Promise<unknown>>();
  let [timedOut, untold] = [0, 0];
  const timer = setInterval(() => {
    const item = `item-${deadlines.size}`;
    const deadlineAt = Date.now() + callMs;
    deadlines.set(item, deadlineAt);
    // Half by way of the journal, which looks at the deadline once more.
    const called =
      deadlines.size % 2 === 0
        ? bus.call(work.begin, { item }, { timeoutMs: callMs, retry: false })
        : bus.call(work.keep, { item }, { key: item, timeoutMs: callMs, retry: false });
    const call = called
      .catch((error: unknown) => {
        if (toPolybError(error).code === 'internal') untold += 1;
        else timedOut += 1;
      })
      .finally(() => {
        open.delete(call);
        if (Date.now() > deadlineAt + 500) untold += 1;
      });
    open.add(call);
  }, everyMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return {
    timedOut: () => timedOut,
    untold: () => untold,
    async end(): Promise<ReadonlyMap<string, number>> {
      clearInterval(timer);
      await Promise.all(open);
      return deadlines;
    },
  };
}

/** Calls one after the other for `ms`; how many were not answered. */
async function probes(bus: BusHost, ms: number, signal: AbortSignal): Promise<number> {
  let unanswered = 0;
  for (const until = performance.now() + ms; performance.now() < until; signal.throwIfAborted())
    await bus.call(work.think, { ms: 0, nth: 0 }, { timeoutMs: 2_000, retry: false }).catch(() => {
      unanswered += 1;
    });
  return unanswered;
}

/** How long until a call is answered again, ms. */
async function recovered(bus: BusHost, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const probe = bus.call(work.think, { ms: 0, nth: 0 }, { timeoutMs: 1_000, retry: false });
    if (
      await probe.then(
        () => true,
        () => false,
      )
    )
      return Math.round(performance.now() - began);
    await delay(20, undefined, { signal });
  }
}

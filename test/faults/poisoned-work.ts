import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import type { BusHost } from '../../bus/bus.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { type Harm, poison } from './poison.ts';
import type { PoisonSetup } from './poison-worker.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

/** A lease outlasts the pauses of a busy machine: a neighbour that is late four times in a row would be taken for poison. */
const pace = { leaseMs: 4_000, renewMs: 800, idleMs: 150 };
const stallMs = 2 * pace.leaseMs;
const workers = 2;
const ways = ['call', 'send', 'step', 'event'] as const;
type Way = (typeof ways)[number];
interface Work {
  readonly item: string;
  readonly way: Way;
  readonly harm: Harm;
}

export const t20: FaultTest = {
  id: 'T20',
  title: 'calls, sends, steps, events and a loop that crash or stall whichever process takes them, beside work that does not',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    await using ground = await openGround(options);
    await ground.store.query('create table fault_handled (item text primary key)');
    if (control) await uncounted(ground);
    using crew = await crewOf(ground, { pace, stallMs, hasPoisonLoop: true });
    const bus = await ground.client();
    const poisons = ways.flatMap((way) => (['crash', 'stall'] as const).map((harm): Work => ({ item: `${harm} ${way}`, way, harm })));
    const neighbours = Array.from(
      { length: full ? 4_000 : 200 },
      (_, nth): Work => ({ item: `neighbour ${nth}`, way: random.pick(ways), harm: 'none' }),
    );
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const began = performance.now();
    const giving = Promise.all(
      scattered(random, neighbours, poisons).map(async ([afterMs, work]) => {
        await delay(afterMs, undefined, { signal: until });
        await give(bus, work, until);
      }),
    ).catch((error: unknown) => {
      if (!until.aborted) throw error;
    });
    const open = async (): Promise<readonly string[]> => {
      const ended = new Set(await endedItems(ground));
      return [...poisons, ...neighbours].filter(({ item }) => !ended.has(item)).map(({ item }) => item);
    };
    await eventually(async () => (await open()).length === 0, control ? 30_000 : full ? 1_200_000 : 480_000, signal);
    const tookS = Math.round((performance.now() - began) / 1_000);
    const left = await open();
    over.abort();
    await giving;

    const desk = journalAdmin(ground.store);
    const dead = await desk.list({ view: 'dead_letters', reason: 'holder_gone', limit: 200 });
    const accused = dead.filter(({ input }) => (input as { harm?: Harm }).harm === 'none').length;
    const dropped = (await Promise.all(dead.map(({ id }) => desk.drop(id, { who: 'the test', did: 'dropped' })))).filter(
      (did) => did,
    ).length;
    const suspected = (await desk.loops()).find(({ name }) => name === 'poison')?.last_error ?? '';
    for (const item of left.slice(0, 20)) log(`not ended: ${item}`);
    for (const { method, input } of dead) log(`dead letter: ${method} ${JSON.stringify(input)}`);
    const isLoopShown = suspected.includes('holder_gone');
    const harm = left.length + accused + (dead.length - dropped) + (control || isLoopShown ? 0 : 1);
    return {
      ok: harm === 0,
      harm,
      poisons: poisons.length,
      neighbours: neighbours.length,
      crashes: crew.deaths(),
      deadLetters: dead.length,
      dropped,
      neighboursAccused: accused,
      notEnded: left.length,
      loopShown: isLoopShown,
      tookS,
    };
  },
};

/** The protection off: takeovers have no limit, no pause, and no company that they must avoid. */
async function uncounted({ store }: Ground): Promise<void> {
  const endless = `create or replace function journal.max_takeovers() returns integer language sql immutable as $$ select 30000 $$`;
  const atOnce = `create or replace function journal.may_be_taken_over(it journal.rows, lease_ms integer) returns boolean language sql volatile as $$ select it.lease_until < clock_timestamp() $$`;
  const inCompany = `create or replace function journal.is_suspect(it journal.rows) returns boolean language sql immutable as $$ select false $$`;
  for (const off of [endless, atOnce, inCompany]) await store.query(off);
}

/** Workers of which each that dies is replaced at once. */
async function crewOf(
  ground: Ground,
  setup: Omit<z.input<typeof PoisonSetup>, 'natsUrl' | 'databaseUrl'>,
): Promise<Disposable & { deaths(): number }> {
  let deaths = 0;
  let isOver = false;
  const whole = { ...setup, natsUrl: ground.natsUrl, databaseUrl: ground.databaseUrl };
  const start = (): Promise<Child> => ground.start({ file: './poison-worker.ts', args: [JSON.stringify(whole)] });
  const join = async (): Promise<void> => {
    // A worker may meet its poison before it is ready.
    while (!isOver) {
      const child = await start().catch(() => undefined);
      if (isOver) return;
      if (child !== undefined) {
        void child.exited.then(again);
        return;
      }
      deaths += 1;
    }
  };
  const again = (): void => {
    deaths += 1;
    if (!isOver) void join();
  };
  await Promise.all(Array.from({ length: workers }, join));
  return {
    deaths: () => deaths,
    [Symbol.dispose]: () => {
      isOver = true;
    },
  };
}

/** Neighbours over twenty seconds, poisons in the first five. */
function scattered(
  random: Random,
  neighbours: readonly Work[],
  poisons: readonly Work[],
): readonly (readonly [afterMs: number, work: Work])[] {
  return [
    ...neighbours.map((work) => [random.int(0, 20_000), work] as const),
    ...poisons.map((work) => [random.int(0, 5_000), work] as const),
  ];
}

/** Asks with its key until it has an outcome, or is accepted. A poison is asked for until it is kept. */
async function give(bus: BusHost, { item, way, harm }: Work, signal: AbortSignal): Promise<void> {
  const ask = (): Promise<unknown> => {
    if (way === 'call') return bus.call(poison.digest, { item, harm }, { key: item, signal, timeoutMs: 4_000 });
    if (way === 'step') return bus.call(poison.flow, { item, harm }, { key: item, signal, timeoutMs: 4_000 });
    return bus.call(poison.submit, { item, harm, as: way }, { key: `submit ${item}`, signal, timeoutMs: 4_000 });
  };
  for (;;) {
    try {
      await ask();
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      if (!isPolybError(thrown)) throw thrown;
      if (thrown.reason === 'holder_gone') return;
    }
    await delay(300, undefined, { signal });
  }
}

/** Items that were done, or are dead letters. */
async function endedItems({ store }: Ground): Promise<readonly string[]> {
  const rows = await store.query<{ item: string }>(
    `select input->>'item' as item from journal.rows
     where (state = 'done' or (state = 'failed' and error->>'reason' = 'holder_gone'))
       and (method in ('fault_poison.flow', 'fault-poison@fault_poison.happened') or (method = 'fault_poison.digest' and mode <> 'step'))
     union select item from fault_handled`,
  );
  return rows.map(({ item }) => item);
}

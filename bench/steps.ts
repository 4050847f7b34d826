/**
 * Durable steps: a pipeline in one daemon whose steps another daemon serves, over NATS, PostgreSQL with its default durability.
 * Counted in the same run: keyed calls, commits for each, and what bare commits the same PostgreSQL makes; then each of them alone, in turn.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { memoryCache } from '../adapters/cache/memory.ts';
import { openStore } from '../adapters/store/index.ts';
import { createBus } from '../bus/bus.ts';
import { pipeline } from '../bus/durable/pipeline.ts';
import { service } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { read } from '../config/read.ts';
import { contract, method, review } from '../contracts/kit/define.ts';
import { pipelineMethod } from '../contracts/pipelines.ts';
import { host } from '../runtime/host.ts';
import { migrate } from '../runtime/migrate.ts';
import { secretKeyFrom } from '../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../runtime/services.ts';
import { startNats, startPostgres } from '../scripts/infra/start.ts';

const Work = z.strictObject({ phoneNumber: z.string().max(20), comment: z.string().max(200), nth: z.int() });
export const work = contract('bench_work', '1.0.0', {
  do_work: method({
    summary: 'A function that changes nothing but its own row.',
    input: Work,
    output: z.object({ nth: z.int() }),
    idempotency: 'keyed',
    limits: { concurrency: 4096 },
  }),
  do_effect: method({ summary: 'An effect that reaches nobody.', input: Work, output: z.object({ nth: z.int() }), idempotency: 'keyed' }),
});
export const runs = contract('bench_runs', '1.0.0', {
  ten_steps: pipelineMethod({ summary: 'Ten keyed steps.', input: Work, output: z.object({ nth: z.int() }) }),
});
const stepNames = Array.from({ length: 10 }, (_, index) => `step_${index}`);
/** The builder's types grow with each step; a loop needs them only once. */
const tenSteps = stepNames
  .reduce((line, name) => line.step(name, work.do_work, ({ input }) => input) as typeof line, pipeline(runs.ten_steps))
  .output(({ input }) => ({ nth: input.nth }));

const services = {
  worker: service({ serves: { bench_work: work }, settings: z.object({}) }).start(async () => ({
    bench_work: {
      do_work: async ({ nth }, { commit }) => commit(async () => ({ nth })),
      do_effect: { attempt: async ({ nth }) => ({ nth }), onUnknown: review },
    },
  })),
  runner: service({ serves: { bench_runs: runs }, uses: [work.do_work], settings: z.object({}) }).start(async () => ({
    bench_runs: { ten_steps: tenSteps },
  })),
};
const quiet = {
  debug() {},
  info() {},
  warn(facts: object, message: string) {
    console.error(message, facts);
  },
  error(facts: object, message: string) {
    console.error(message, facts);
  },
};

async function child(role: keyof typeof services): Promise<void> {
  const store = openStore({
    url: String(process.env.DATABASE_URL),
    name: role,
    log: quiet,
    connections: Number(process.env.BENCH_CONNECTIONS ?? 20),
  });
  const transport = await connectNats({
    servers: String(process.env.NATS_URL),
    name: role,
    inboxUser: role,
    log: quiet,
    signal: AbortSignal.timeout(10_000),
  });
  const loaded = { folder: role, service: services[role] };
  const hosted = await host({
    loaded,
    settings: read(flatGroups(groupsOf(loaded))),
    transport,
    store,
    cache: memoryCache({ now: Date.now }),
    secretKey: secretKeyFrom(undefined),
    log: quiet,
    prefix: 'polyb',
    clockSkewMs: 250,
    keepDays: 30,
    blankAfterDays: 7,
    allowPrivate: [],
  });
  process.send?.('ready');
  process.on('message', (message) => {
    if (message === 'cpu') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss });
    if (message === 'stop')
      void hosted
        .stop(5_000)
        .then(() => store.close())
        .then(() => process.exit(0));
  });
}

/** Both services, each in a process of its own, ready to be called. */
export async function forkServices(env: { readonly NATS_URL: string; readonly DATABASE_URL: string }): Promise<readonly ChildProcess[]> {
  return Promise.all(
    Object.keys(services).map(async (role) => {
      const child = fork(fileURLToPath(import.meta.url), [role], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      await once(child, 'message');
      return child;
    }),
  );
}

export interface StepFigures {
  readonly stepsPerSecond: number;
  readonly commitsPerStep: number;
  readonly keyedCallsPerSecond: number;
  readonly commitsPerCall: number;
  readonly bareCommitsPerSecond: number;
  readonly stepsToCommits: number;
  readonly callsToCommits: number;
  /** Alone, median of one at a time; each taken in turn with the others. */
  readonly bareCommitAloneMs: number;
  readonly keyedCallAloneMs: number;
  readonly keyedEffectAloneMs: number;
  readonly tenStepsAloneMs: number;
  /** How many bare commits alone each takes. */
  readonly callAloneToCommit: number;
  readonly effectAloneToCommit: number;
  readonly tenStepsAloneToCommit: number;
}

/** @param seconds how long each of the measurements runs */
export async function benchSteps({ seconds = 6, inFlight = 96 }: { seconds?: number; inFlight?: number } = {}): Promise<StepFigures> {
  const { temporaryDir } = await import('../scripts/infra/temporary.ts');
  const dir = await temporaryDir();
  const nats = await startNats({ dir: `${dir}/nats`, temporary: true });
  const postgres = await startPostgres({ dir: `${dir}/postgres`, durable: true, temporary: true });
  const children: ChildProcess[] = [];
  try {
    await migrate({ url: postgres.url });
    children.push(...(await forkServices({ NATS_URL: nats.url, DATABASE_URL: postgres.url })));
    const store = openStore({ url: postgres.url, name: 'bench', log: quiet, connections: 20 });
    const transport = await connectNats({
      servers: nats.url,
      name: 'client',
      inboxUser: 'client',
      log: quiet,
      signal: AbortSignal.timeout(10_000),
    });
    const bus = createBus({ transport, name: 'client', log: quiet });
    const commits = async (): Promise<number> => {
      await delay(1_200); // PostgreSQL's counters lag by up to a second
      return Number(
        (await store.query<{ n: string }>('select xact_commit as n from pg_stat_database where datname = current_database()'))[0]?.n,
      );
    };
    const input = { phoneNumber: '+79995553322', comment: 'x'.repeat(100), nth: 1 };
    let key = 0;
    const during = async (ms: number, concurrency: number, work: () => Promise<unknown>): Promise<{ perSecond: number; total: number }> => {
      const end = performance.now() + ms;
      const began = performance.now();
      let total = 0;
      await Promise.all(
        Array.from({ length: concurrency }, async () => {
          while (performance.now() < end) {
            await work();
            total += 1;
          }
        }),
      );
      return { perSecond: (total / (performance.now() - began)) * 1_000, total };
    };
    const oneRun = (): Promise<unknown> => bus.call(runs.ten_steps, { ...input, waitMs: 30_000 }, { key: `run-${process.pid}-${++key}` });
    const oneCall = (): Promise<unknown> => bus.call(work.do_work, input, { key: `call-${process.pid}-${++key}` });
    await during(1_000, 16, oneRun);
    const before = await commits();
    const steps = await during(seconds * 1_000, inFlight, oneRun);
    const between = await commits();
    const calls = await during(seconds * 1_000, inFlight, oneCall);
    const after = await commits();
    await store.query('create table bare (id bigint generated always as identity primary key, body jsonb)');
    const bareCommit = (): Promise<unknown> => store.query('insert into bare (body) values ($1)', [JSON.stringify(input)]);
    const bare = await during(seconds * 500, 20, bareCommit);
    const alone = await inTurn(seconds * 1_000, {
      commit: bareCommit,
      call: oneCall,
      effect: () => bus.call(work.do_effect, input, { key: `effect-${process.pid}-${++key}` }),
      run: oneRun,
    });
    await bus.close();
    await store.close();
    const stepsPerSecond = steps.perSecond * stepNames.length;
    return {
      stepsPerSecond: Math.round(stepsPerSecond),
      commitsPerStep: Number(((between - before) / (steps.total * stepNames.length)).toFixed(2)),
      keyedCallsPerSecond: Math.round(calls.perSecond),
      commitsPerCall: Number(((after - between) / calls.total).toFixed(2)),
      bareCommitsPerSecond: Math.round(bare.perSecond),
      stepsToCommits: Number((stepsPerSecond / bare.perSecond).toFixed(3)),
      callsToCommits: Number((calls.perSecond / bare.perSecond).toFixed(3)),
      bareCommitAloneMs: Number(alone.commit.toFixed(2)),
      keyedCallAloneMs: Number(alone.call.toFixed(2)),
      keyedEffectAloneMs: Number(alone.effect.toFixed(2)),
      tenStepsAloneMs: Number(alone.run.toFixed(1)),
      callAloneToCommit: Number((alone.call / alone.commit).toFixed(1)),
      effectAloneToCommit: Number((alone.effect / alone.commit).toFixed(1)),
      tenStepsAloneToCommit: Number((alone.run / alone.commit).toFixed(1)),
    };
  } finally {
    for (const one of children) {
      one.send('stop');
      await Promise.race([once(one, 'exit'), delay(8_000).then(() => one.kill('SIGKILL'))]);
    }
    await nats.stop();
    await postgres.stop();
  }
}

/** The median time of each, in ms: one of each in turn, so that all meet the same machine. */
async function inTurn<Name extends string>(
  ms: number,
  works: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (const end = performance.now() + ms; performance.now() < end; )
    for (const name of names) {
      const began = performance.now();
      await works[name]();
      times[name].push(performance.now() - began);
    }
  const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[of.length >> 1] as number;
  return Object.fromEntries(names.map((name) => [name, median(times[name])])) as Record<Name, number>;
}

const role = process.argv[2];
if (role === 'worker' || role === 'runner') await child(role);
else if (import.meta.main) console.log(await benchSteps());

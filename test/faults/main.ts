/** Breaks PolyB's promises on purpose, and shows that the breaking would be seen. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrate } from '../../runtime/migrate.ts';
import { startPostgres } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { optionsOf, refuse } from '../../scripts/options.ts';
import { t26 } from './agent-conversations.ts';
import { t24 } from './agent-under-attack.ts';
import { t25 } from './agent-under-kills.ts';
import { t19 } from './approvals-under-attack.ts';
import { t15 } from './bus-permissions.ts';
import { t34, t35, t36 } from './calls-under-kills.ts';
import { t30 } from './campaign-under-kills.ts';
import { t21 } from './cancel-and-retry.ts';
import { t10 } from './contained-handlers.ts';
import { t27 } from './desk-under-kills.ts';
import { t4 } from './duplicate-deliveries.ts';
import { gatherEvidence } from './evidence.ts';
import { t23 } from './feed-under-kills.ts';
import { t16 } from './http-limits.ts';
import { t1 } from './kill-storm.ts';
import { leadToCall } from './lead-to-call.ts';
import { limitStorm } from './limit-storm.ts';
import { t9 } from './malformed-calls.ts';
import { t3 } from './naive-retry.ts';
import { t2 } from './nats-kills.ts';
import { t5 } from './partitions.ts';
import { t29 } from './phones-in-restart.ts';
import { t28 } from './phones-under-kills.ts';
import { t20 } from './poisoned-work.ts';
import { t17 } from './private-addresses.ts';
import { t18 } from './redaction.ts';
import { t22 } from './restore-elsewhere.ts';
import { type Result, tableOf, writtenResults } from './results.ts';
import { t8 } from './rolling-restarts.ts';
import { sipStorm } from './sip-storm.ts';
import { t31, t32, t33 } from './talks-under-kills.ts';
import type { Counts, FaultTest, RunOptions } from './test.ts';
import { tokenStorm } from './token-storm.ts';
import { vendorStorm } from './vendor-storm.ts';
import { t14 } from './webhooks-under-kills.ts';

const evidenceDir = join(import.meta.dirname, '../../.polyb/faults');

/** Two lanes at once; what measures times stands beside what leaves the processors some room. */
const lanes: readonly (readonly FaultTest[])[] = [
  [t1, t3, t4, t10, leadToCall, t19, t20, t21, tokenStorm, limitStorm, vendorStorm, sipStorm],
  [t2, t5, t8, t9, t14, t15, t16, t17, t18, t22, t23, t24, t25, t26, t27, t28, t29, t30, t31, t32, t33, t34, t35, t36],
];
const tests = lanes.flat();

const help = `npm run faults [-- OPTIONS]

Breaks PolyB's promises on purpose. Each test has a control, in which the protection is off and the harm must show.

  --only=T1,T4  only these
  --seed=N      the same choices as in the run that printed this seed
  --full        the long form, hours instead of minutes
  --serial      one test at a time, for a machine that is too small for two

${tests.map(({ id, title }) => `  ${id.padEnd(6)}${title}`).join('\n')}`;

async function main(): Promise<boolean> {
  const values = optionsOf(help, {
    full: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    serial: { type: 'boolean', default: false },
  });
  const seed = Number(values.seed);
  const wanted = values.only.split(',').filter((id) => id !== '');
  const unknown = wanted.filter((id) => !tests.some((test) => test.id === id));
  if (unknown.length > 0) refuse(`There is no test ${unknown.join(', ')}.`, help);
  if (!Number.isSafeInteger(seed)) refuse(`--seed: expected a whole number; got ${values.seed}`, help);
  const isWanted = ({ id }: FaultTest): boolean =>
    wanted.length === 0 || wanted.includes(id) || tests.some((test) => wanted.includes(test.id) && test.controlledBy === id);
  console.error(`seed ${seed}`);

  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  const { signal } = stopping;
  process.on('unhandledRejection', (error) => {
    // All that waits ends when the tests are stopped, also what nobody had come to await yet.
    if (!signal.aborted) throw error;
  });
  const postgres = await startPostgres({ dir: temporaryDir(), durable: true, temporary: true, signal });
  try {
    const database = async (): Promise<string> => {
      const url = Object.assign(new URL(postgres.url), { pathname: `/faults_${randomUUID().replaceAll('-', '')}` }).href;
      await migrate({ url });
      return url;
    };
    const results: Result[] = [];
    const runLane = async (lane: readonly FaultTest[]): Promise<void> => {
      for (const test of lane.filter(isWanted))
        results.push(await judged(test, { seed, full: values.full, signal, database, server: postgres.url }));
    };
    if (values.serial) for (const lane of lanes) await runLane(lane);
    else await Promise.all(lanes.map(runLane));
    const ordered = tests.flatMap(({ id }) => results.filter((result) => result.id === id));
    console.log(tableOf(ordered));
    if (wanted.length === 0)
      await writeFile(new URL('results.json', import.meta.url), writtenResults(ordered, { seed, full: values.full }));
    return ordered.every(({ verdict }) => verdict === 'held' || verdict === 'shown');
  } finally {
    await postgres.stop();
  }
}

/** The run and its control. A control that shows no harm proves that the test could not have seen any. */
async function judged(
  test: FaultTest,
  { server, ...options }: Omit<RunOptions, 'control' | 'log' | 'evidence'> & { readonly server: string },
): Promise<Result> {
  const { id, title } = test;
  const began = performance.now();
  const once = async (control: boolean) => {
    const log = (line: string): void => console.error(`${id}${control ? ' control' : ''}: ${line}`);
    await using evidence = gatherEvidence(temporaryDir(), server);
    const database = async (): Promise<string> => {
      const url = await options.database();
      evidence.database(url);
      return url;
    };
    let counts: Counts | undefined;
    try {
      counts = await test.run({ ...options, database, evidence, control, log });
    } finally {
      const isBreach = !control && !test.isControl && counts?.ok !== true && !options.signal.aborted;
      if (isBreach) {
        const folder = join(evidenceDir, `${id}-seed-${options.seed}`);
        await evidence.write(folder);
        log(`the evidence is in ${folder}`);
      }
    }
    const longestPauseMs = evidence.longestPauseMs();
    console.log(JSON.stringify({ test: id, control, seed: options.seed, longestPauseMs, ...counts }));
    return { counts, longestPauseMs };
  };
  try {
    const { counts, longestPauseMs } = await once(false);
    if (test.isControl) return { id, title, counts, verdict: counts.harm > 0 ? 'shown' : 'NO HARM SHOWN', seconds: since(began) };
    const control = test.controlledBy === undefined ? (await once(true)).counts : undefined;
    const isBeyond = test.pauseLimitMs !== undefined && longestPauseMs > test.pauseLimitMs;
    const verdict = !counts.ok
      ? isBeyond
        ? 'BEYOND THE LIMIT'
        : 'BREACH'
      : control !== undefined && control.harm === 0
        ? 'NO HARM SHOWN'
        : 'held';
    return { id, title, counts, control, controlledBy: test.controlledBy, verdict, seconds: since(began) };
  } catch (error) {
    options.signal.throwIfAborted();
    console.error(`${id} broke off:`, error);
    return { id, title, counts: { ok: false, harm: 0 }, verdict: 'BROKE OFF', seconds: since(began) };
  }
}
const since = (began: number): number => Math.round((performance.now() - began) / 1_000);

const ok = await main().catch((error: unknown) => {
  console.error(error);
  return false;
});
// A connection that a broken test left open must not keep this process.
process.exit(ok ? 0 : 1);

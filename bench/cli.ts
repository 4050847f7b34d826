/**
 * How long the command line takes to start, beside an empty script: `node bench/cli.ts`. Exit 9 when a budget is missed.
 * The commands take turns, and the least of all rounds counts: on a shared machine the rest measures the neighbours.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBus } from '../bus/bus.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { crm } from '../contracts/crm.ts';
import { quiet } from '../runtime/noop-log.ts';
import { drawTable } from '../scripts/cli/kernel/text.ts';
import { startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';

interface Budget {
  readonly name: string;
  readonly args: readonly string[];
  /** At most so many times the empty script. */
  readonly times?: number;
  /** At most so much more than the empty script, without the time in which the service answers. */
  readonly moreMs?: number;
}
const budgets: readonly Budget[] = [
  { name: 'polyb version', args: ['version'], times: 1.4 },
  { name: 'polyb help', args: ['help'] },
  { name: 'polyb hlep (wrong usage)', args: ['hlep'] },
  { name: 'polyb describe', args: ['describe', 'crm.find_contact', '--cached'] },
  { name: 'polyb call', args: ['call', 'crm.find_contact', 'phoneNumber=+79995553322'], moreMs: 60 },
  { name: 'polyb list', args: ['list'], moreMs: 360 },
];
const bareNode = 'node, empty script';
const polyb = join(import.meta.dirname, '..', 'scripts', 'polyb.js');

/** Wall time of one process, ms. */
async function timeOf(script: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [script, ...args], { stdio: 'ignore', env: { PATH: process.env.PATH, ...env } });
  const status = await new Promise<number | null>((done, fail) => child.once('error', fail).once('exit', done));
  const ms = performance.now() - began;
  const expected = args[0] === 'hlep' ? 2 : 0;
  if (status !== expected) throw new Error(`${script} ${args.join(' ')} ended with ${status}, expected ${expected}`);
  return ms;
}

export interface StartUp {
  readonly command: string;
  readonly ms: number;
  readonly timesNode: number;
  readonly moreMs: number;
  readonly budget: string;
  readonly kept: boolean;
}

/** The least time of each command over all rounds; the first row is the empty script. */
export async function benchCommandLine(rounds = 20): Promise<readonly StartUp[]> {
  const home = mkdtempSync(join(tmpdir(), 'polyb-bench-cli-'));
  const server = await startNats({ dir: temporaryDir(), temporary: true });
  const bus = createBus({
    transport: await connectNats({ servers: server.url, name: 'bench', inboxUser: 'bench' }),
    name: 'bench',
    log: quiet,
  });
  try {
    let answered = 0;
    await bus.serve([crm.find_contact], {
      'crm.find_contact': async () => {
        answered += 1;
        return { contacts: [] };
      },
    });
    const empty = join(home, 'empty.mjs');
    writeFileSync(empty, '');
    const least = await leastTimes(rounds, empty, { NATS_URL: server.url, HOME: home });
    if (answered === 0) throw new Error('polyb call did not reach the service');
    return startUps(least);
  } finally {
    await bus.close({ graceMs: 0 });
    await server.stop();
    rmSync(home, { recursive: true });
  }
}

async function leastTimes(rounds: number, empty: string, env: Record<string, string>): Promise<ReadonlyMap<string, number>> {
  const least = new Map<string, number>();
  const keep = (name: string, ms: number) => least.set(name, Math.min(ms, least.get(name) ?? Number.POSITIVE_INFINITY));
  for (let round = 0; round <= rounds; round += 1) {
    const isWarmUp = round === 0; // fills the compile cache
    const times = [{ name: bareNode, ms: await timeOf(empty, [], env) }];
    for (const { name, args } of budgets) times.push({ name, ms: await timeOf(polyb, args, env) });
    if (!isWarmUp) for (const { name, ms } of times) keep(name, ms);
  }
  return least;
}

function startUps(least: ReadonlyMap<string, number>): readonly StartUp[] {
  const bare = least.get(bareNode) ?? 0;
  return [{ name: bareNode, args: [] }, ...budgets].map(({ name, times, moreMs }: Budget): StartUp => {
    const ms = least.get(name) ?? 0;
    const limit = times !== undefined ? bare * times : moreMs !== undefined ? bare + moreMs : Number.POSITIVE_INFINITY;
    const budget = times !== undefined ? `≤ ${times} × node` : moreMs !== undefined ? `≤ node + ${moreMs} ms` : '';
    return { command: name, ms: round(ms, 10), timesNode: round(ms / bare, 100), moreMs: round(ms - bare, 10), budget, kept: ms <= limit };
  });
}
const round = (value: number, parts: number): number => Math.round(value * parts) / parts;

if (import.meta.main) {
  const rounds = Number(process.argv[2] ?? 20);
  const rows = await benchCommandLine(rounds);
  const cells = rows.map(({ command, ms, timesNode, moreMs, budget, kept }) => [
    command,
    ms.toFixed(1),
    timesNode.toFixed(2),
    moreMs.toFixed(1),
    budget,
    budget === '' ? '' : kept ? 'kept' : 'MISSED',
  ]);
  console.log(
    drawTable({ columns: ['COMMAND', 'MS', 'TIMES NODE', 'MORE MS', 'BUDGET', ''], rows: cells, right: ['MS', 'TIMES NODE', 'MORE MS'] }),
  );
  console.log(`least of ${rounds} rounds, node ${process.versions.node}`);
  process.exitCode = rows.every(({ kept }) => kept) ? 0 : 9;
}

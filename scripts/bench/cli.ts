/**
 * How long the command line takes to start, beside an empty script: `node scripts/bench/cli.ts`. Exit 9 when a budget is missed.
 * The commands take turns, and the least of all rounds counts: on a shared machine the rest measures the neighbours.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/nats.ts';
import { crm } from '../../contracts/crm.ts';
import { drawTable } from '../cli/text.ts';
import { startNats } from '../infra/start.ts';
import { temporaryDir } from '../infra/temporary.ts';

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
const rounds = Number(process.argv[2] ?? 20);
const root = join(import.meta.dirname, '..', '..');

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

const home = mkdtempSync(join(tmpdir(), 'polyb-bench-cli-'));
const server = await startNats({ dir: temporaryDir(), temporary: true });
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const bus = createBus({
  transport: await connectNats({ servers: server.url, name: 'bench', inboxUser: 'bench' }),
  name: 'bench',
  log: silent,
});
try {
  const served: number[] = [];
  await bus.serve([crm.find_contact], {
    'crm.find_contact': async () => {
      served.push(performance.now());
      return { contacts: [] };
    },
  });
  const empty = join(home, 'empty.mjs');
  writeFileSync(empty, '');
  const env = { NATS_URL: server.url, HOME: home };
  const polyb = join(root, 'scripts', 'polyb.js');
  const least = new Map<string, number>();
  const keep = (name: string, ms: number) => least.set(name, Math.min(ms, least.get(name) ?? Number.POSITIVE_INFINITY));
  for (let round = 0; round <= rounds; round += 1) {
    const isWarmUp = round === 0; // fills the compile cache
    const bare = await timeOf(empty, [], env);
    if (!isWarmUp) keep('node', bare);
    for (const { name, args } of budgets) {
      const ms = await timeOf(polyb, args, env);
      if (!isWarmUp) keep(name, ms);
    }
  }
  if (served.length === 0) throw new Error('polyb call did not reach the service');
  const bare = least.get('node') ?? 0;
  const rows = budgets.map(({ name, times, moreMs }) => {
    const ms = least.get(name) ?? 0;
    const isMissed = (times !== undefined && ms > bare * times) || (moreMs !== undefined && ms > bare + moreMs);
    const budget = times !== undefined ? `≤ ${times} × node` : moreMs !== undefined ? `≤ node + ${moreMs} ms` : '';
    return {
      isMissed,
      cells: [
        name,
        ms.toFixed(1),
        (ms / bare).toFixed(2),
        (ms - bare).toFixed(1),
        budget,
        budget === '' ? '' : isMissed ? 'MISSED' : 'kept',
      ],
    };
  });
  const columns = ['COMMAND', 'MS', 'TIMES NODE', 'MORE MS', 'BUDGET', ''];
  console.log(
    drawTable({
      columns,
      rows: [['node, empty script', bare.toFixed(1), '1.00', '0.0', '', ''], ...rows.map(({ cells }) => cells)],
      right: ['MS', 'TIMES NODE', 'MORE MS'],
    }),
  );
  console.log(`least of ${rounds} rounds, node ${process.versions.node}`);
  process.exitCode = rows.some(({ isMissed }) => isMissed) ? 9 : 0;
} finally {
  await bus.close({ graceMs: 0 });
  await server.stop();
  rmSync(home, { recursive: true });
}

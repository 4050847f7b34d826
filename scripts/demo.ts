/** `npm run demo`: the whole system from nothing, one lead through it, and what that looked like. It stays up. */
import { randomInt, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { lookup, openSources } from '../config/env.ts';
import { exitOf, PolybError } from '../contracts/kit/errors.ts';
import { askJournal, type Row } from './cli/commands/journal/ask.ts';
import { trace } from './cli/commands/trace.ts';
import { callable, findMethod, readCatalogue } from './cli/kernel/catalogue.ts';
import type { Invocation } from './cli/kernel/command.ts';
import { type Connected, connect } from './cli/kernel/connect.ts';
import { flagsOf } from './cli/kernel/flags.ts';
import { failureOf } from './cli/kernel/host-failure.ts';
import { allowReach } from './cli/kernel/method.ts';
import { createOutput } from './cli/kernel/output.ts';
import { spanMs } from './cli/kernel/text.ts';
import { pause } from './cli/system/pause.ts';
import { checkFailed } from './cli/system/report.ts';
import { up } from './cli/system/up.ts';
import { showPhoneCall } from './demo/call.ts';
import { lineSettings } from './demo/line.ts';
import { optionsOf } from './options.ts';

const pipeline = 'pipelines.lead_to_call';
const runMs = 30_000;
const lookEveryMs = 150;
const ends: readonly string[] = ['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'];

async function demo(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  // The services inherit it. The customers of the demo are its user.
  if (lookup('DIALOG_MODE', openSources({ env: invocation.env })) === undefined) process.env.DIALOG_MODE = 'auto';
  const isSimulated = (lookup('TELEPHONY_KIND', openSources({ env: invocation.env })) ?? 'simulator') === 'simulator';
  if (isSimulated) await prepareLine(invocation);
  const upStatus = await up(invocation);
  if (upStatus !== 0) return upStatus;

  await using connected = await connect(invocation, { own: true });
  await openSalon(connected, invocation);
  out.note(`\nA lead arrives, is pushed to the CRM and called${isSimulated ? ' by the built-in simulator: no customer is reached' : ''}.`);
  const runId = await pushLead(connected, invocation);
  const run = await followRun(connected, runId, invocation);
  if (run.state !== 'done') {
    out.note(`the run is ${run.state}${run.error === null ? '' : `: ${run.error}`}\n  polyb runs show ${runId}`, 'bad');
    return checkFailed;
  }
  out.print('');
  const status = await trace({ ...invocation, path: 'trace', args: [runId] });
  const isCallFine = !isSimulated || (await showPhoneCall(connected, invocation));
  // Not as narration, which masks phones: these are to be typed.
  out.print(
    [
      '\nThe system stays up. Try:',
      '  export PATH="$PWD/bin:$PATH"    puts polyb on the PATH of this shell',
      `  polyb trace ${runId} --format sequence`,
      '  polyb call crm.push_to_crm firstName=Анна phoneNumber=+79995551122',
      '  polyb pipelines run lead_to_call firstName=Олег phoneNumber=+79995553391    no answer, so the pipeline creates a task for staff',
      `  polyb call get_free_slots 'serviceIds[]=haircut'    free times of the salon; create_appointment books one`,
      '  polyb dialogs talk    the agent of the salon: greets, names prices, offers times, books, moves and cancels',
      '  polyb dialogs ls    conversations; polyb dialogs show SESSION draws one',
      '  polyb status',
      '  polyb help',
      '  polyb down    stops it and keeps the data',
    ].join('\n'),
  );
  return isCallFine ? status : checkFailed;
}

/** The services inherit the settings of a phone call on this machine, unless others are given. */
async function prepareLine({ env }: Invocation): Promise<void> {
  const find = openSources({ env });
  for (const [name, value] of Object.entries(await lineSettings())) if (lookup(name, find) === undefined) process.env[name] = value;
}

/** The built-in booking calendar gets the salon of the examples, unless it has a company. */
async function openSalon({ bus }: Connected, invocation: Invocation): Promise<void> {
  if ((lookup('BOOKING_KIND', openSources({ env: invocation.env })) ?? 'postgres') !== 'postgres') return;
  const { entries } = await readCatalogue();
  const [get, set] = [entries['company.get'], entries['company.set']];
  if (get === undefined || set === undefined) return;
  const { signal } = invocation;
  const { company } = (await bus.request(callable(get), {}, { signal })) as { company: object | null };
  if (company !== null) return;
  const salon = JSON.parse(await readFile(new URL('../services/crm-connector/salon.json', import.meta.url), 'utf8')) as { name: string };
  await bus.request(callable(set), { company: salon }, { signal });
  invocation.out.note(`the booking calendar is that of ${salon.name}: polyb company show`, 'ok');
}

/** A lead of its own each time: the phone differs, so that an earlier demo's call does not stand in the way. */
async function pushLead({ bus }: Connected, invocation: Invocation): Promise<string> {
  const { entry } = await findMethod(await readCatalogue(), pipeline);
  await allowReach(invocation, entry);
  const phoneNumber = `+7999${randomInt(10_000, 99_999)}22`;
  const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber, source: 'website' };
  const key = `demo-${randomUUID()}`;
  const { runId } = (await bus.request(callable(entry), lead, { key, signal: invocation.signal })) as { runId: string };
  return runId;
}

/** Tells each step as it is done; resolves with the run when it has ended or time is up. */
async function followRun(connected: Connected, id: string, invocation: Invocation): Promise<Row> {
  const { out, signal } = invocation;
  const until = Date.now() + runMs;
  const told = new Set<string>();
  for (;;) {
    const run = await askJournal<Row>(connected, 'get', { id }, invocation);
    for (const { id: step, step: name, method, state, startedAt, endedAt, output } of run.steps) {
      if (!ends.includes(state) || told.has(step)) continue;
      told.add(step);
      const ms = startedAt && endedAt ? Date.parse(endedAt) - Date.parse(startedAt) : 0;
      const took = state === 'done' && output === null ? 'not needed' : spanMs(ms);
      out.note(`${(name ?? '').padEnd(8)} ${method.replace(/^@/, 'received ')}  ${took}`, state === 'done' ? 'ok' : 'bad');
    }
    if (ends.includes(run.state) || Date.now() > until) return run;
    await pause(lookEveryMs, signal);
  }
}

optionsOf(
  'npm run demo\n\nStarts the system, processes one lead and shows its trace, and calls a SIP phone of this machine. The system stays up; polyb down stops it.',
  {},
);
const { stdout, stderr, stdin, env } = process;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new PolybError('cancelled', `stopped by ${signal}`, { outcome: 'not_executed' })));
const flags = flagsOf({ output: 'pretty' }, env, 'demo');
const out = createOutput({ flags, stdout, stderr, stdinIsTty: stdin.isTTY === true, env, now: Date.now });
const status = await demo({ path: 'demo', args: [], flags, out, signal: stop.signal, env, groups: async () => [] }).catch(
  (thrown: unknown) => {
    const error = failureOf(thrown, stop.signal);
    out.failure(error);
    return exitOf(error);
  },
);
// Waits for what is still on its way to a pipe, and not for programs that a failure left at work.
await new Promise<void>((done) => stdout.write('', () => stderr.write('', () => done())));
process.exit(status);

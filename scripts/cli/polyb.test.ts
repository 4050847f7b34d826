import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { commandEnv } from '../../test/kit/checkout.ts';

/** Of no contract that the project knows. */
const greeter = contract('greeter', '1.0.0', {
  greet: method({
    summary: 'Greet.',
    input: z.strictObject({ name: z.string().max(20), times: z.int().max(3).optional() }),
    output: z.object({ hello: z.string().max(20) }),
    idempotency: 'read',
  }),
  wait: method({ summary: 'Never answers.', input: z.strictObject({}), output: z.object({}), idempotency: 'read' }),
});
const pushed = (phoneNumber: string) => ({
  status: 'pushed',
  crm_id: { status: 'success', resData: { id: '65', phoneNumber: phoneNumber.slice(1), createdById: '1' } },
  leadId: '65',
  contactId: 'c1',
  phoneNumber,
  createdById: '1',
  timeZone: null,
  created: true,
});
const at = '2026-01-31T10:00:00.000Z';
const head = (id: string, fields: object = {}) => ({
  id,
  method: 'telephony.dial',
  key: `key-${id}`,
  mode: 'call',
  state: 'review',
  step: null,
  runId: null,
  attempts: 1,
  reason: null,
  error: null,
  notBefore: null,
  heldBy: null,
  waitsFor: null,
  behind: 0,
  createdAt: at,
  updatedAt: at,
  ...fields,
});
const row = (id: string, fields: object = {}) => ({
  ...head(id, fields),
  hash: 'h1',
  input: { callId: 'c', phoneNumber: '+7999***3322' },
  output: null,
  caller: 'operator',
  lane: null,
  traceId: null,
  approval: 'none',
  approvers: 1,
  approvedBy: [],
  notAfter: null,
  settleAt: null,
  onUnknown: 'review',
  log: [
    {
      at,
      by: 'telephony-gateway',
      ms: 120,
      code: 'upstream_failed',
      reason: 'connection_lost',
      message: 'cut',
      evidence: { request: 'POST gw.example/call', status: 502 },
    },
  ],
  audit: [],
  steps: [],
  ...fields,
});

const call = (callId: string, state: string) => ({
  ...{ callId, direction: 'out', leadId: '65', phoneNumber: '+79995553322', line: null, legId: 'leg_1', state, answeredBy: null },
  ...{ outcome: state === 'ended' ? 'busy' : null, endedBy: null, hangUpCause: null, q850: null, recordingId: null, transferredTo: null },
  ...{ createdAt: at, ringingAt: null, answeredAt: null, endedAt: null, needsAttention: false },
});

const prefix = `cli${Math.random().toString(36).slice(2, 8)}`;
const home = mkdtempSync(join(tmpdir(), 'polyb-cli-'));
const asked: { method: string; input: unknown }[] = [];
const begun = Promise.withResolvers<AbortSignal>();
let bus: BusHost;

beforeAll(async () => {
  const transport = await connectNats({ servers: process.env.NATS_URL ?? '', name: 'cli-test', inboxUser: 'cli-test', log: quiet });
  bus = createBus({ transport, name: 'cli-test', log: quiet, prefix });
  const note = (name: string) => async (input: unknown) => {
    asked.push({ method: name, input });
    return row((input as { id: string }).id, { state: 'queued' });
  };
  const handlers = {
    'crm.find_contact': async () => ({ contacts: [] }),
    'greeter.greet': async ({ name }: { name: string }) => ({ hello: name }),
    'greeter.wait': async (_: unknown, { signal }: { signal: AbortSignal }) => {
      begun.resolve(signal);
      return await new Promise((_done, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
    },
    'journal.list': async ({ view }: { view: string }) => ({
      items: [
        view === 'approvals'
          ? head('row_draft', {
              state: 'proposed',
              method: 'messages.deliver',
              hash: 'h1',
              input: { chatId: 'chat_1', text: 'Букет готов' },
            })
          : head(`row_${view}`, { state: 'failed', reason: 'no_responders' }),
      ],
      nextCursor: null,
    }),
    'journal.get': async ({ id }: { id: string }) => {
      if (id.startsWith('row_')) return row(id);
      throw new PolybError('not_found', `No row of the journal has the id ${id}.`);
    },
    'journal.approve': note('approve'),
    'journal.edit': note('edit'),
    'journal.retry': note('retry'),
    'journal.resolve': async (input: unknown) => ({ ...(await note('resolve')(input)), effect: 'It counts as done.', freed: 0 }),
    'journal.pause': async (input: { method: string }) => ({ paused: [input.method] }),
    'calls.watch_call': async function* ({ callId }: { callId: string }) {
      for (const state of ['queued', 'ringing', 'ended']) yield call(callId, state);
    },
    'journal.watch': async function* () {
      yield row('row_watched', { state: 'attempting' });
      yield row('row_watched', { state: 'done' });
    },
  };
  const keep = async ({ address }: { address: string }, input: unknown, { key }: { key: string }) => {
    asked.push({ method: address, input });
    if (address === 'calls.start_call')
      return { callId: 'call_1', state: 'queued', createdAt: at, ...(input as { leadId: string; phoneNumber: string }) };
    const { firstName, phoneNumber } = input as { firstName: string; phoneNumber: string };
    if (firstName === 'Refused') throw new PolybError('failed_precondition', 'The CRM refuses this lead.', { reason: 'crm_rejected' });
    if (firstName === 'Pending')
      throw new PolybError('upstream_failed', 'Whether it happened is not known.', {
        reason: 'pending',
        data: { rowId: 'row_77', state: 'review' },
      });
    if (firstName === 'Slow') await new Promise((done) => setTimeout(done, 1000).unref());
    return { ...pushed(phoneNumber), contactId: key };
  };
  const { list, get, approve, edit, retry, resolve, pause, watch } = journal;
  await bus.serve(
    [
      crm.find_contact,
      crm.push_to_crm,
      calls.start_call,
      calls.watch_call,
      greeter.greet,
      greeter.wait,
      list,
      get,
      approve,
      edit,
      retry,
      resolve,
      pause,
      watch,
    ],
    handlers as never,
    { keep },
  );
});
afterAll(async () => {
  await bus.close({ graceMs: 0 });
  rmSync(home, { recursive: true });
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, ['scripts/polyb.js', ...args], {
    env: {
      ...commandEnv(),
      HOME: home,
      NATS_URL: process.env.NATS_URL,
      NATS_USER: 'operator',
      POLYB_SUBJECT_PREFIX: prefix,
      ...env,
    },
  });
}
function end(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  return new Promise((done) => child.on('close', (status) => done({ status, stdout, stderr })));
}
async function polyb(args: readonly string[], { input, env }: { input?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  const child = start(args, env);
  if (input !== undefined) child.stdin?.end(input);
  return await end(child);
}

test('an answer stands alone on stdout; key and trace are told on stderr', async () => {
  const { status, stdout, stderr } = await polyb(['call', 'push_to_crm', 'firstName=Иван', 'phoneNumber=8 (999) 555-33-22']);
  expect(stderr).toMatch(/^✓ \S+ m?s {2}key [0-9a-f-]{36} {2}\(polyb trace [0-9a-f]{32}\)\n$/);
  const answer = JSON.parse(stdout);
  expect(answer).toMatchObject({ leadId: '65', phoneNumber: '+79995553322' });
  expect(stderr).toContain(answer.contactId);
  expect(status).toBe(0);
});

test('start_call takes the whole reply of push_to_crm from a pipe, under the older name too, and needs no --yes with the simulator', async () => {
  const input = JSON.stringify(pushed('+79995553322'), null, 2);
  const [own, older, flat] = await Promise.all([
    polyb(['call', 'start_call', '-d', '-', '--pick', 'leadId'], { input }),
    polyb(['call', 'call_orchestrator.start_call', '-d', '-', '--pick', 'leadId'], { input }),
    polyb(['call', 'calls.start_call', '-d', '-', '--pick', 'leadId'], { input: '{"leadId":"65","phoneNumber":"+79995553322"}' }),
  ]);
  expect([own, older, flat].map(({ status, stdout }) => ({ status, stdout }))).toEqual(Array(3).fill({ status: 0, stdout: '65\n' }));
  expect(asked.filter((one) => one.method === 'calls.start_call').map(({ input: got }) => got)).toEqual(
    expect.arrayContaining([expect.objectContaining({ leadId: '65', phoneNumber: '+79995553322', createdById: '1' })]),
  );
});

test('--follow shows each state of the call that a reply names, a line each, to its end', async () => {
  const { status, stdout } = await polyb(['call', 'start_call', 'leadId=65', 'phoneNumber=+79995553322', '--follow']);
  const [reply, ...states] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(reply).toMatchObject({ callId: 'call_1', state: 'queued', leadId: '65' });
  expect(states.map(({ callId, state, outcome }) => [callId, state, outcome])).toEqual([
    ['call_1', 'queued', null],
    ['call_1', 'ringing', null],
    ['call_1', 'ended', 'busy'],
  ]);
  expect(status).toBe(0);
});

test.each([
  [
    'an unknown method',
    ['call', 'crm.push_to_crn', 'a=b'],
    3,
    /there is no method crm.push_to_crn \(nothing was sent\)[\s\S]*close: crm.push_to_crm/,
  ],
  ['an unknown method of a service that only the bus knows', ['call', 'greeter.gret'], 3, /close: greeter.greet/],
  ['a service that is down', ['call', 'crm.capabilities'], 3, /no instance serves crm.capabilities now \(nothing was sent\)/],
  [
    'a bus that is down',
    ['call', 'find_contact', 'phoneNumber=+79995553322', '--nats-url', 'nats://127.0.0.1:1'],
    6,
    /\(nothing was sent\)[\s\S]*polyb up/,
  ],
  [
    'a deadline',
    ['call', 'push_to_crm', 'firstName=Slow', 'phoneNumber=+79995553322', '-t', '300ms'],
    5,
    /no reply in \d+ ms \(it MAY have been executed\)[\s\S]*--idempotency-key [0-9a-f-]{36}/,
  ],
  ['a missing field', ['call', 'push_to_crm', 'firstName=Иван'], 2, /\(nothing was sent\)\n {4}phoneNumber expected string/],
  ['a wrong field', ['call', 'push_to_crm', 'firstName=Иван', 'phoneNumber=12'], 2, /phoneNumber expected E.164, e.g. \+79995553322/],
  [
    'a refusal of the method',
    ['call', 'push_to_crm', 'firstName=Refused', 'phoneNumber=+79995553322'],
    1,
    /The CRM refuses this lead. \(it was not executed\)\n {4}failed_precondition, crm_rejected/,
  ],
  [
    'an outcome that a person decides',
    ['call', 'push_to_crm', 'firstName=Pending', 'phoneNumber=+79995553322'],
    8,
    /polyb reviews show row_77/,
  ],
  [
    '--follow of a reply that names nothing to follow',
    ['call', 'find_contact', 'phoneNumber=+79995553322', '--follow'],
    2,
    /--follow: its reply has none of runId, callId/,
  ],
  ['a row that is not there', ['runs', 'show', 'run_nothing'], 3, /No row of the journal has the id run_nothing/],
  ['a command that is not there', ['cal', 'x'], 2, /close: call/],
])('%s ends with empty stdout and its own status', async (_, args, expected, told) => {
  const { status, stdout, stderr } = await polyb(args);
  expect(stderr).toMatch(told);
  expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
  expect(stderr).not.toMatch(/\n {4}at /);
});

test('a customer is reached only with --yes once a real gateway is set', async () => {
  const call = ['call', 'start_call', 'leadId=1', 'phoneNumber=+79995553322'];
  const env = { TELEPHONY_KIND: 'http' };
  const [without, with_] = await Promise.all([polyb(call, { env }), polyb([...call, '--yes'], { env })]);
  expect(without).toMatchObject({ status: 2, stdout: '' });
  expect(without.stderr).toContain('calls.start_call reaches a customer; without a terminal this requires --yes');
  expect(with_.status).toBe(0);
});

test('a message needs --yes although calls are simulated', async () => {
  const { status, stderr } = await polyb(['call', 'send_message', 'chatId=c', 'text=hello']);
  expect(status).toBe(2);
  expect(stderr).toContain('messages.send_message reaches a customer; without a terminal this requires --yes');
});

test('--envelope gives one object for a failure too', async () => {
  const { status, stdout } = await polyb(['call', 'push_to_crm', 'firstName=Refused', 'phoneNumber=+79995553322', '--envelope']);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    problem: { reason: 'crm_rejected', outcome: 'not_executed', status: 409 },
    meta: { address: 'crm.push_to_crm', idempotencyKey: expect.any(String) },
  });
  expect(status).toBe(1);
});

test('--each answers line by line and ends with 10 when some failed', async () => {
  const input =
    '{"firstName":"A","phoneNumber":"+79995553322"}\n\n{"firstName":"Refused","phoneNumber":"+79995553322"}\nnot json\n{"firstName":"B"}\n';
  const { status, stdout, stderr } = await polyb(
    ['call', 'push_to_crm', '-d', '-', '--each', '-o', 'jsonl', '--idempotency-key', 'batch7', 'source=web'],
    { input },
  );
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.line - b.line);
  expect(lines.map(({ line, ok, key, exit }) => ({ line, ok, key, exit }))).toEqual([
    { line: 1, ok: true, key: 'batch7:1', exit: undefined },
    { line: 3, ok: false, key: 'batch7:3', exit: 1 },
    { line: 4, ok: false, key: 'batch7:4', exit: 2 },
    { line: 5, ok: false, key: 'batch7:5', exit: 2 },
  ]);
  expect(asked.at(-1)?.input ?? asked).toMatchObject({ source: 'web' });
  expect(stderr).toContain('1 done, 3 failed');
  expect(status).toBe(10);
});

test('Ctrl-C cancels the call at the service and ends with 130', async () => {
  const child = start(['call', 'greeter.wait']);
  const ended = end(child);
  const signal = await begun.promise;
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ status: 130, stdout: '' });
  if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done));
  expect(signal.reason).toMatchObject({ code: 'cancelled' });
});

test('what commands that look around print with -o json is JSON', async () => {
  const commands = [
    ['list', 'crm'],
    ['stats', 'crm'],
    ['ping', 'greeter'],
    ['describe', 'greeter.greet'],
    ['call', 'greeter.greet', 'name=Bob'],
    ['runs', 'ls', '--state', 'failed', '--since', '1d'],
    ['dlq', 'ls'],
    ['reviews', 'show', 'row_12345'],
    ['runs', 'watch', 'row_12345'],
    ['dlq', 'replay', '--all', '--dry-run'],
    ['pause', 'telephony.dial', '--why', 'wrong list'],
    ['bench', 'find_contact', 'phoneNumber=+79995553322', '--requests', '20', '--warmup', '0s', '--budget', 'p99>0ms'],
  ];
  const ended: (Ended & { readonly command: string })[] = [];
  // One after the other: who is on the bus must answer within a quarter of a second, which many programs that start at once make too short.
  for (const command of commands) ended.push({ command: command.join(' '), ...(await polyb([...command, '-o', 'json'])) });
  for (const { command, status, stdout, stderr } of ended) {
    expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: expect.any(String) });
    expect(() => JSON.parse(stdout)).not.toThrow();
  }
  const of = (command: string) => JSON.parse(ended.find((one) => one.command.startsWith(command))?.stdout ?? '');
  expect(of('list crm')).toEqual([expect.objectContaining({ service: 'crm', instances: 1, state: 'up' })]);
  expect(of('call greeter.greet')).toEqual({ hello: 'Bob' });
  expect(of('reviews show').answers.try_again).toContain('the customer is reached TWICE');
  expect(of('runs watch')).toMatchObject({ state: 'done' });
  expect(of('bench')).toMatchObject({ requests: 20, errors: 0 });
});

test('a missed budget ends with 9', async () => {
  const { status, stderr } = await polyb([
    'bench',
    'find_contact',
    'phoneNumber=+79995553322',
    '--rate',
    '100',
    '--requests',
    '10',
    '--warmup',
    '0s',
    '--budget',
    'p99<0.001ms',
  ]);
  expect(stderr).toContain('budget missed: p99<0.001ms');
  expect(status).toBe(9);
});

test('a decision is sent with what was seen and why', async () => {
  const [approved, resolved, refused] = await Promise.all([
    polyb(['approvals', 'approve', 'row_12345', '--why', 'fine', '-o', 'none']),
    polyb(['reviews', 'resolve', 'row_12345', 'happened', '-d', '{"legId":"x"}', '-q']),
    polyb(['reviews', 'resolve', 'row_12345', 'maybe']),
  ]);
  expect([approved.status, resolved.status, refused.status]).toEqual([0, 0, 2]);
  const onBehalfOf = userInfo().username;
  expect(asked).toContainEqual({ method: 'approve', input: { id: 'row_12345', hash: 'h1', why: 'fine', onBehalfOf } });
  expect(asked).toContainEqual({ method: 'resolve', input: { id: 'row_12345', attempts: 1, answer: 'happened', output: { legId: 'x' } } });
  expect(approved.stdout).toBe('');
  expect(resolved.stderr).toBe('');
});

test('an edit changes what is given of what was seen, and a watcher sees each draft once', async () => {
  const watcher = start(['approvals', 'watch', '-o', 'jsonl', '-q']);
  const told = end(watcher);
  await new Promise((seen) => watcher.stdout?.once('data', seen));
  const edited = await polyb(['approvals', 'edit', 'row_12345', 'callId=d', '-q']);
  expect(edited).toMatchObject({ status: 0, stderr: '' });
  const input = { callId: 'd', phoneNumber: '+7999***3322' };
  expect(asked).toContainEqual({ method: 'edit', input: { id: 'row_12345', hash: 'h1', input, onBehalfOf: userInfo().username } });
  expect((await polyb(['approvals', 'edit', 'row_12345'])).status).toBe(2);
  watcher.kill('SIGINT');
  const drafts = (await told).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  expect(drafts).toEqual(['row_draft']);
});

test('trace, tail and listen show what passes on the bus', async () => {
  const listening = start(['listen', 'crm.lead_created', '--count', '1', '-o', 'jsonl']);
  const tailing = start(['tail', 'greeter', '--count', '1', '-o', 'jsonl']);
  const [heard, tailed] = [end(listening), end(tailing)];
  await Promise.all([says(listening, /listening to/), says(tailing, /connected to/)]);
  bus.announce(crm.lead_created, { leadId: '65', contactId: 'c', phoneNumber: '+79995553322', source: 'web' });
  const called = await polyb(['call', 'greeter.greet', 'name=Bob', '--envelope']);
  const { traceId } = JSON.parse(called.stdout).meta;
  const traced = await polyb(['trace', traceId, '--format', 'json']);
  expect(JSON.parse((await heard).stdout)).toMatchObject({ subject: `${prefix}.evt.crm.lead_created`, payload: { leadId: '65' } });
  expect(JSON.parse((await tailed).stdout)).toMatchObject({ address: 'greeter.greet', code: 'ok', traceId });
  expect(JSON.parse(traced.stdout)).toMatchObject({ traceId, spans: [{ name: 'greeter.greet', to: 'cli-test', code: 'ok' }] });
});
function says(child: ChildProcess, text: RegExp): Promise<void> {
  return new Promise((done) => child.stderr?.on('data', (chunk) => text.test(String(chunk)) && done()));
}

test('tail gives up with 6 when nothing is there to hear', async () => {
  const { status, stderr } = await polyb(['tail', '--give-up', '400ms'], { env: { POLYB_SUBJECT_PREFIX: `${prefix}none` } });
  expect(stderr).toContain('gave up after');
  expect(status).toBe(6);
});

test('a file saves the result, and a file that cannot be read is said so', async () => {
  const file = join(home, 'answer.json');
  writeFileSync(join(home, 'lead.json'), '{"name": "Bob"}');
  const [saved, missing] = await Promise.all([
    polyb(['call', 'greeter.greet', '-d', `@${join(home, 'lead.json')}`, '--save', file]),
    polyb(['call', 'greeter.greet', '-d', '@/nowhere.json']),
  ]);
  expect(saved).toMatchObject({ status: 0, stdout: '' });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ hello: 'Bob' });
  expect(missing).toMatchObject({ status: 2, stdout: '' });
  expect(missing.stderr).toContain('cannot read /nowhere.json: ENOENT');
});

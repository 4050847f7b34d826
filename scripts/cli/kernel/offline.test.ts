import { expect, test } from '@jest/globals';
import { allGroups, commands } from './commands.ts';
import { findCommand } from './find.ts';
import { flagsOf } from './flags.ts';
import { createOutput } from './output.ts';
import { parseCommand } from './parse.ts';

/** Runs a command in this process. */
async function polyb(line: string, { columns }: { columns?: number } = {}) {
  const found = findCommand(commands, line.split(' '));
  if (found === undefined) throw new Error(`no command in ${line}`);
  const { values, args } = parseCommand(found.command, found.path, found.rest);
  const env = { HOME: '/nonexistent' };
  const flags = flagsOf(values, env, found.path);
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({
    write: (text: string) => (written[name] += text),
    isTTY: columns !== undefined,
    columns,
  });
  const out = createOutput({
    flags,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdinIsTty: false,
    env: { ...env, NO_COLOR: '1' },
    now: Date.now,
  });
  const run = await found.command.run?.();
  const status = await run?.({ path: found.path, args, flags, out, signal: AbortSignal.timeout(10_000), env, groups: allGroups });
  return { status, ...written };
}

test.each([
  'version',
  'commands',
  'config path',
  'pipelines ls',
  'pipelines show lead_to_call',
  'pipelines graph lead_to_call',
  'list --cached',
  'list crm --cached --methods',
  'describe crm.push_to_crm',
  'describe crm.lead_created',
  'describe start_call --template',
  'describe start_call --schema',
  'docs crm.push_to_crm',
  'call start_call leadId=1 phoneNumber=+79995553322 --dry-run',
])('%s prints JSON with -o json', async (line) => {
  const { status, stdout } = await polyb(`${line} -o json`);
  expect(JSON.parse(stdout)).toBeTruthy();
  expect(status).toBe(0);
});

test('describe tells what to send, what comes back and how it fails', async () => {
  const { stdout } = await polyb('describe start_call', { columns: 120 });
  expect(stdout).toMatch(/^calls\.start_call {2}v\d/);
  expect(stdout).toContain('reaches a customer');
  expect(stdout).toMatch(/phoneNumber +phone +yes/);
  expect(stdout).toMatch(/quiet_hours {2}\(failed_precondition, exit 1, HTTP 409\)/);
  expect(stdout).toContain('polyb.rpc.calls.start_call');
  expect(stdout).toContain('polyb call calls.start_call leadId=65021a1e47d57e2ac phoneNumber=+79995553322');
});

test('a pipeline is drawn as a sequence where it fits, and as a tree where it does not', async () => {
  const wide = await polyb('pipelines graph lead_to_call', { columns: 100 });
  expect(wide.stdout).toMatch(/client +pipelines +crm +calls/);
  expect(wide.stdout).toContain('push_to_crm');
  const narrow = await polyb('pipelines graph lead_to_call', { columns: 60 });
  expect(narrow.stdout).toMatch(/^pipelines\.lead_to_call\n├─ pushed: crm\.push_to_crm\n/);
  const mermaid = await polyb('pipelines graph lead_to_call --format mermaid');
  expect(mermaid.stdout).toMatch(/^sequenceDiagram\n/);
});

test('an input template can be sent as it is', async () => {
  const { stdout } = await polyb('describe start_call --template -o json');
  expect(JSON.parse(stdout)).toEqual({ leadId: '65021a1e47d57e2ac', phoneNumber: '+79995553322' });
});

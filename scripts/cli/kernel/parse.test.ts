import { expect, test } from '@jest/globals';
import { commands } from './commands.ts';
import { tell } from './failure.ts';
import { findCommand } from './find.ts';
import { durationMs, flagsOf } from './flags.ts';
import { leadingFlags, parseCommand } from './parse.ts';

function parse(line: string, env: Record<string, string> = {}) {
  const { leading, words } = leadingFlags(line.split(' '));
  const found = findCommand(commands, words);
  if (found === undefined) throw new Error(`no command in ${line}`);
  const { values, args } = parseCommand(found.command, found.path, [...leading, ...found.rest]);
  return { path: found.path, args, flags: flagsOf(values, env, found.path) };
}
function refused(line: string): string {
  try {
    parse(line);
  } catch (error) {
    return tell(error as never).join('\n');
  }
  throw new Error(`${line} was not refused`);
}

test('a parameter that looks like a flag value stays a parameter', () => {
  const { args, flags } = parse('call crm.push_to_crm phoneNumber=+79995553322 note=--quiet -t 3s x=-1');
  expect(args).toEqual(['crm.push_to_crm', 'phoneNumber=+79995553322', 'note=--quiet', 'x=-1']);
  expect(flags.ms('timeout')).toBe(3000);
});

test('a flag of a command that takes one value is refused when it is given twice; a global flag may be repeated', () => {
  expect(refused('keys create --client shop --scope read --scope send')).toContain('--scope is given 2 times');
  expect(parse('-o json keys ls -o yaml').flags.text('output')).toBe('yaml');
  expect(parse('keys create --client shop --scope read,send').flags.text('scope')).toBe('read,send');
});

test('a command may have the short name of a global flag for one of its own', () => {
  const file = { name: 'file', short: 'o', value: 'FILE', summary: 'x' };
  const { values } = parseCommand({ name: 'save', summary: 'x', impact: 'ro', flags: [file] }, 'save', ['-o', 'a.wav', '--output', 'json']);
  expect(values).toMatchObject({ file: 'a.wav', output: 'json' });
});

test('a lone dash is standard input, not a flag', () => {
  expect(parse('call start_call -d -').flags.text('data')).toBe('-');
});

test.each([
  ['call x -d - --each', ''],
  ['call x --each --concurrency 4', ''],
  ['call x --each source=web', ''],
  ['call x --each leads.jsonl', 'leads.jsonl'],
  ['call x --each - --rate 5', '-'],
])('%s: --each takes "%s"', (line, expected) => {
  expect(parse(line).flags.text('each')).toBe(expected);
});

test('a noun with a verb, and a command with its own verbs, are both found', () => {
  expect(parse('runs show run_123456').path).toBe('runs show');
  expect(parse('docs build').path).toBe('docs build');
  expect(parse('docs crm.push_to_crm')).toMatchObject({ path: 'docs', args: ['crm.push_to_crm'] });
  expect(parse('ls').path).toBe('list');
});

test('an unknown flag is refused with the nearest one', () => {
  expect(refused('call x --idempotency-kay 1')).toContain('close: --idempotency-key');
});

test('a value outside the closed set is refused with the set', () => {
  expect(refused('list -o xml')).toContain('--output: expected pretty, table, json, jsonl, yaml, raw, none; got "xml"');
});

test('the environment gives what no flag gives', () => {
  expect(parse('list', { POLYB_TIMEOUT: '2m' }).flags.ms('timeout')).toBe(120_000);
  expect(parse('list -t 1s', { POLYB_TIMEOUT: '2m' }).flags.ms('timeout')).toBe(1000);
});

test('a length of time that is none is refused, not guessed', () => {
  expect(refused('call x -t soon')).toContain('--timeout: expected a length of time, e.g. 500ms, 3s, 2m; got "soon"');
  expect(refused('tail --give-up soon')).toContain('--give-up: expected a length of time');
  expect(() => parse('list', { POLYB_TIMEOUT: 'soon' }).flags.ms('timeout')).toThrow(/^POLYB_TIMEOUT: expected a length of time/);
  expect(['500ms', '3s', '1.5', '2h'].map(durationMs)).toEqual([500, 3000, 1500, 7_200_000]);
  expect(durationMs('3 s')).toBeUndefined();
});

test.each([
  '-q -o json --nats-url nats://h:1 -t3s list crm',
  'list crm -q -o json --nats-url nats://h:1 -t3s',
  '-qojson list crm --nats-url=nats://h:1 --timeout=3s',
])('%s: global flags stand before the command or after it', (line) => {
  const { path, args, flags } = parse(line);
  expect({
    path,
    args,
    quiet: flags.on('quiet'),
    output: flags.text('output'),
    url: flags.text('nats-url'),
    ms: flags.ms('timeout'),
  }).toEqual({
    path: 'list',
    args: ['crm'],
    quiet: true,
    output: 'json',
    url: 'nats://h:1',
    ms: 3000,
  });
});

test("a command's own flag before the command is refused with where it belongs", () => {
  expect(refused('--methods list')).toContain('--methods is not a global flag; the flags of a command come after its name');
});

import { expect, test } from '@jest/globals';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type FlagValues, flagsOf } from './flags.ts';
import { createOutput, wantsColor } from './output.ts';

const value = { leadId: '65', phones: ['+79995553322'], nested: { n: 1, no: null }, yes: 'no' };

function setup(
  values: FlagValues,
  { tty = false, env = {}, columns = 80 }: { tty?: boolean; env?: Record<string, string>; columns?: number } = {},
) {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY: tty,
    columns,
  });
  const out = createOutput({
    flags: flagsOf(values, env, 'test'),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdinIsTty: tty,
    env,
    now: () => Date.parse('2026-01-31T10:00:00Z'),
  });
  return { out, written };
}

test.each([
  ['json', `${JSON.stringify(value, null, 2)}\n`],
  ['jsonl', `${JSON.stringify(value)}\n`],
  ['raw', `${JSON.stringify(value)}\n`],
  ['yaml', 'leadId: "65"\nphones:\n  - "+79995553322"\nnested:\n  "n": 1\n  "no": null\n"yes": "no"\n'],
  ['none', ''],
])('writes nothing but the value as %s', async (output, expected) => {
  const { out, written } = setup({ output });
  await out.result(value);
  expect(written.stdout).toBe(expected);
  expect(written.stderr).toBe('');
});

test('takes a list apart for jsonl and draws it as a table', async () => {
  const lines = setup({ output: 'jsonl' });
  await lines.out.result([{ a: 1 }, { a: 2 }]);
  expect(lines.written.stdout).toBe('{"a":1}\n{"a":2}\n');
  const table = setup({ output: 'table' });
  await table.out.result([{ a: 1, b: 'x' }, { a: 22 }]);
  expect(table.written.stdout).toBe('A   B\n1   x\n22\n');
});

test('is JSON in a pipe and pretty on a terminal unless something says otherwise', () => {
  expect(setup({}).out.format).toBe('json');
  expect(setup({}, { tty: true }).out.format).toBe('pretty');
  expect(setup({}, { tty: true, env: { POLYB_OUTPUT: 'yaml' } }).out.format).toBe('yaml');
  expect(() => setup({}, { env: { POLYB_OUTPUT: 'xml' } })).toThrow(/POLYB_OUTPUT/);
});

test('picks one part bare, by name or by pointer', async () => {
  for (const [path, expected] of [
    ['leadId', '65\n'],
    ['phones.0', '+79995553322\n'],
    ['/nested/n', '1\n'],
    ['nested', '{"n":1,"no":null}\n'],
  ] as const) {
    const { out, written } = setup({ pick: path });
    await out.result(value);
    expect(written.stdout).toBe(expected);
  }
});

test('names the fields that are there when the picked one is not', async () => {
  const { out } = setup({ pick: 'leadID' });
  await expect(out.result(value)).rejects.toThrow(/the result has no leadID; it has leadId, phones/);
});

test('puts one object on stdout in both outcomes under --envelope', async () => {
  const good = setup({ envelope: true });
  await good.out.result(value, {}, { durationMs: 5 });
  expect(JSON.parse(good.written.stdout)).toEqual({ ok: true, result: value, meta: { durationMs: 5 } });
  const bad = setup({ envelope: true });
  bad.out.failure(new PolybError('not_found', 'there is no lead 7', { reason: 'no_lead' }));
  expect(JSON.parse(bad.written.stdout)).toMatchObject({
    ok: false,
    problem: { code: 'not_found', reason: 'no_lead', outcome: 'not_executed' },
  });
});

test('masks phones in narration and failures, never in results', async () => {
  const { out, written } = setup({ output: 'raw' });
  out.note('calling +79995553322 and 89995553322 of lead 65021a1e47d57e2ac');
  out.failure(new PolybError('invalid_argument', 'no such phone +79995553322'));
  await out.result('+79995553322');
  expect(written.stderr).toContain('calling +7999***3322 and 89995***3322 of lead 65021a1e47d57e2ac');
  expect(written.stderr).not.toContain('5553322');
  expect(written.stdout).toBe('+79995553322\n');
});

test('says nothing under --quiet but a failure', async () => {
  const { out, written } = setup({ quiet: true });
  out.note('hello', 'ok');
  expect(written.stderr).toBe('');
  out.failure(new PolybError('internal', 'it broke'));
  expect(written.stderr).toContain('it broke');
});

test.each([
  [undefined, {}, true, true],
  [undefined, {}, false, false],
  [undefined, { NO_COLOR: '1' }, true, false],
  [undefined, { FORCE_COLOR: '1' }, false, true],
  [undefined, { CLICOLOR_FORCE: '0' }, true, true],
  [undefined, { TERM: 'dumb' }, true, false],
  ['always', { NO_COLOR: '1' }, false, true],
  ['never', { FORCE_COLOR: '1' }, true, false],
])('colours with --color %s, %j and terminal %s: %s', (when, env, tty, expected) => {
  expect(wantsColor(when, env, tty)).toBe(expected);
});

test('writes no escape sequence into a pipe', async () => {
  const { out, written } = setup({ output: 'pretty' });
  await out.result(value);
  out.note('fine', 'ok');
  expect(written.stdout + written.stderr).not.toContain('\u001b');
});

test.each([[80], [60], [40]])('a table on %i cells shrinks its widest columns and drops none', async (columns) => {
  const rows = [{ name: 'CRM_KIND', value: 'x'.repeat(200), from: '.env', note: 'y'.repeat(30) }];
  const { out, written } = setup({ output: 'table', color: 'never' }, { tty: true, columns });
  await out.result(rows);
  const lines = written.stdout.trimEnd().split('\n');
  expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
  expect(lines[0]?.trim().split(/\s+/)).toEqual(['NAME', 'VALUE', 'FROM', 'NOTE']);
  expect(lines[1]).toMatch(/^CRM_KIND {2}x+… {2}\.env {2}(?: {4})?y+…?$/);
});

test('a table of one object has a row for each leaf, and of a list inside it a row for each item', async () => {
  const { out, written } = setup({ output: 'table' });
  await out.result({ a: { b: 1, c: [2, 3] }, d: [] });
  expect(written.stdout).toBe('FIELD  VALUE\na.b    1\na.c.0  2\na.c.1  3\nd      []\n');
  const list = setup({ output: 'table' });
  await list.out.result({ summary: {}, findings: [{ check: 'x' }] }, { text: () => 'x', items: [{ check: 'x' }] });
  expect(list.written.stdout).toBe('CHECK\nx\n');
});

test('tells times as wanted', () => {
  expect(setup({}, { tty: true }).out.time('2026-01-31T09:48:00.000Z')).toBe('12m ago');
  expect(setup({}, { tty: true }).out.time('2026-01-31T12:00:00.000Z')).toBe('in 2h');
  expect(setup({}).out.time('2026-01-31T09:48:00.000Z')).toBe('2026-01-31T09:48:00.000Z');
  expect(setup({ 'time-format': 'raw' }).out.time('1970-01-01T00:00:01.000Z')).toBe('1000');
});

test('a name cannot rewrite the screen, nor turn the direction of what stands beside it', async () => {
  const { out, written } = setup({ output: 'table' });
  await out.result([{ name: 'Ivan\u001b[2J\u0007\u202e' }]);
  expect(written.stdout).toBe('NAME\nIvan[2J\n');
  const drawn = setup({ output: 'pretty', color: 'never' });
  await drawn.out.result({ text: '\u202eобратно\u009b2J' });
  expect(drawn.written.stdout).toBe('{\n  "text": "\\u202eобратно\\u009b2J"\n}\n');
});

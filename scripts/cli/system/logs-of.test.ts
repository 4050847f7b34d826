import { expect, test } from '@jest/globals';
import { parseLines, tellLine } from './logs-of.ts';

const at = '2026-01-31T10:00:00.123Z';
const line = (facts: object) => JSON.stringify({ level: 'info', time: at, 'service.name': 'crm-connector', msg: 'pushed', ...facts });

test('a line is told as time, level, message, trace and facts', () => {
  const [parsed] = parseLines('crm-connector', line({ trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', leads: 2 }));
  expect(parsed && tellLine(parsed)).toBe('10:00:00.123 info  pushed trace=4bf92f35 leads=2');
});

test('the stack of an error stands below its line', () => {
  const [parsed] = parseLines('crm-connector', line({ level: 'error', err: { message: 'no', stack: 'Error: no\n    at push' } }));
  expect(parsed && tellLine(parsed)).toBe('10:00:00.123 error pushed\n    Error: no\n        at push');
});

test('what is no JSON is an error at the time of the line before it', () => {
  const parsed = parseLines('crm-connector', `${line({})}\n{"half\nSegmentation fault\n`);
  expect(parsed.slice(1)).toMatchObject([
    { level: 'error', message: '{"half', at, time: undefined },
    { level: 'error', message: 'Segmentation fault', at },
  ]);
});

test('a name that carries control characters cannot rewrite the screen', () => {
  const [parsed] = parseLines('crm-connector', line({ who: '\u001b[2J' }));
  expect(parsed && tellLine(parsed)).toContain('who=[2J');
});

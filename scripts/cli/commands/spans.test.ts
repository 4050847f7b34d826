import { expect, test } from '@jest/globals';
import type { CallRecord } from '../../../bus/telemetry/records.ts';
import { drawSequence, sequenceWidth, toMermaid } from './draw/sequence.ts';
import { drawTree } from './draw/tree.ts';
import { type RowFact, sequenceOf, spansOfRecords, spansOfRow, treeOf } from './spans.ts';

const record = (fields: Partial<CallRecord>): CallRecord => ({
  at: 1000,
  ms: 10,
  side: 'server',
  address: 'crm.push_to_crm',
  caller: 'operator',
  service: 'crm-connector',
  instance: 'i1',
  code: 'ok',
  traceId: 't',
  spanId: 's',
  parentId: '',
  ...fields,
});
const records = [
  record({ side: 'client', service: 'operator', spanId: 'a', at: 1000, ms: 231 }),
  record({ side: 'server', spanId: 'b', parentId: 'a', at: 1004, ms: 222 }),
  record({ side: 'outside', address: 'GET crm.example/api/v1/Contact', spanId: 'c', parentId: 'b', at: 1009, ms: 88 }),
  record({
    side: 'outside',
    address: 'POST crm.example/api/v1/Lead',
    spanId: 'd',
    parentId: 'b',
    at: 1101,
    ms: 120,
    code: 'upstream_failed',
  }),
];

test('the two records of one call are one span, and what it did outside lies under it', () => {
  const spans = spansOfRecords(records);
  expect(spans.map(({ name, parentId, from, to }) => ({ name, parentId, from, to }))).toEqual([
    { name: 'crm.push_to_crm', parentId: '', from: 'operator', to: 'crm-connector' },
    { name: 'GET crm.example/api/v1/Contact', parentId: 'a', from: 'crm-connector', to: 'crm.example' },
    { name: 'POST crm.example/api/v1/Lead', parentId: 'a', from: 'crm-connector', to: 'crm.example' },
  ]);
});

test('draws a tree with a bar for each span over the whole time', () => {
  const { roots, totalMs } = treeOf(spansOfRecords(records), false);
  expect(totalMs).toBe(231);
  expect(drawTree(roots, { width: 110, ascii: false, totalMs }).split('\n')).toEqual([
    'crm.push_to_crm                    ✓ ok                 231 ms  ████████████████████████████▏',
    '├─ GET crm.example/api/v1/Contact  ✓ ok                  88 ms   ███████████                ▏',
    '└─ POST crm.example/api/v1/Lead    ✗ upstream_failed    120 ms              ███████████████ ▏',
  ]);
});

const row: RowFact = {
  id: 'run_1',
  method: 'pipelines.lead_to_call',
  key: 'k',
  mode: 'run',
  state: 'waiting',
  reason: null,
  traceId: 't',
  caller: 'operator',
  createdAt: new Date(1000).toISOString(),
  updatedAt: new Date(1300).toISOString(),
  steps: [
    step('pushed', 'crm.push_to_crm', 'step', 'done', 1010, 1250),
    step('ended', '@calls.call_ended', 'wait', 'waiting', 1260, null),
    { ...step('task', 'crm.create_task', 'step', 'done', 1270, 1270), attempts: 0 },
  ],
};
function step(name: string, method: string, mode: string, state: string, from: number, to: number | null): RowFact['steps'][number] {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    id: `row_${name}`,
    method,
    key: `run_1:${name}:1`,
    mode,
    state,
    step: name,
    reason: null,
    attempts: 1,
    createdAt: iso(from),
    startedAt: iso(from),
    endedAt: to === null ? null : iso(to),
    updatedAt: iso(to ?? from),
  };
}

test('steps of the journal take in the calls that the rings remember, and stand alone when they do not', () => {
  const calls = spansOfRecords(records.map((one) => ({ ...one, at: one.at + 12 })));
  const joined = spansOfRow(row, calls, 2000);
  expect(joined.map(({ kind, name, parentId, code }) => ({ kind, name, parentId, code }))).toEqual([
    { kind: 'run', name: 'pipelines.lead_to_call', parentId: '', code: 'waiting' },
    { kind: 'call', name: 'crm.push_to_crm', parentId: 'run_1', code: 'ok' },
    { kind: 'outside', name: 'GET crm.example/api/v1/Contact', parentId: 'a', code: 'ok' },
    { kind: 'outside', name: 'POST crm.example/api/v1/Lead', parentId: 'a', code: 'upstream_failed' },
    { kind: 'wait', name: 'calls.call_ended', parentId: 'run_1', code: 'waiting' },
    { kind: 'call', name: 'crm.create_task', parentId: 'run_1', code: 'skipped' },
  ]);
  expect(joined[0]?.ms).toBe(1000);
  expect(spansOfRow(row, [], 2000).map(({ name }) => name)).toEqual([
    'pipelines.lead_to_call',
    'crm.push_to_crm',
    'calls.call_ended',
    'crm.create_task',
  ]);
  expect(sequenceOf(joined, false).messages.map(({ text }) => text)).not.toContain('create_task');
});

test('draws a sequence whose arrow heads no label overwrites', () => {
  const sequence = sequenceOf(spansOfRecords(records), false);
  const lines = drawSequence(sequence, { width: 80, ascii: false }).split('\n');
  expect(lines[0]).toMatch(/^ +operator +crm-connector +crm.example\*$/);
  expect(lines[1]).toMatch(/^ {5}0 .*│─+ push_to_crm ─*▶│ +│$/);
  expect(lines.filter((line) => line.includes('▶│')).length).toBe(3);
  expect(lines.filter((line) => line.includes('│◀')).length).toBe(3);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(sequenceWidth(sequence)).toBe(56);
});

test('draws with ASCII only when asked', () => {
  const spans = spansOfRecords(records);
  const sequence = drawSequence(sequenceOf(spans, true), { width: 100, ascii: true });
  const { roots, totalMs } = treeOf(spans, true);
  expect(sequence + drawTree(roots, { width: 100, ascii: true, totalMs })).toMatch(/^[\x20-\x7e\n]*$/);
});

test('writes Mermaid with one participant each', () => {
  const text = toMermaid(sequenceOf(spansOfRecords(records), false));
  expect(text).toContain('sequenceDiagram\n  participant p0 as operator\n');
  expect(text).toContain('p0->>p1: push_to_crm (0 ms)');
  expect(text).toContain('p1-->>p0: ✓ ok 231 ms (231 ms)');
});

test('an answer inside a call never comes after the answer to that call', () => {
  const late = [
    record({ side: 'client', service: 'operator', spanId: 'a', at: 0, ms: 10 }),
    record({ side: 'outside', address: 'GET x/y', spanId: 'b', parentId: 'a', at: 2, ms: 9 }),
  ];
  expect(sequenceOf(spansOfRecords(late), false).messages.map(({ at, from }) => `${at} ${from}`)).toEqual([
    '0 operator',
    '2 crm-connector',
    '10 x',
    '10 crm',
  ]);
});

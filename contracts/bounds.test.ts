import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { readContracts } from '../scripts/cli/docs/catalogue.ts';
import { Bytes, Json } from './common.ts';
import { type Contract, contract, type Entry, method, stream } from './kit/define.ts';
import { type JsonSchema, jsonSchema, looseObjects, partsOf, unbounded, type View } from './kit/describe.ts';
import { codes } from './kit/errors.ts';

const contracts = await readContracts();
const entries: readonly Entry[] = contracts.flatMap((one: Contract) => Object.values(one));

function faults(entry: Entry): readonly string[] {
  return Object.entries(partsOf(entry)).flatMap(([part, { schema, view }]) =>
    [...unbounded(schema), ...(view === 'input' ? looseObjects(schema) : [])].map(
      ({ place, what }) => `${entry.address} ${part}${place}: ${what}`,
    ),
  );
}
function faultsOf(schema: z.ZodType, view: View = 'output'): readonly string[] {
  const json = jsonSchema(schema, view);
  return [...unbounded(json), ...(view === 'input' ? looseObjects(json) : [])].map(({ place, what }) => `${place}: ${what}`);
}

test('the folder holds contracts', () => {
  expect(entries.map(({ address }) => address)).toEqual(expect.arrayContaining(['crm.push_to_crm', 'calls.start_call', 'journal.watch']));
});

test('every value that a contract accepts or answers is bounded, and inputs are strict', () => {
  expect(entries.flatMap(faults)).toEqual([]);
});

test('no address stands twice', () => {
  const addresses = entries.map(({ address }) => address);
  expect(addresses.filter((one, index) => addresses.indexOf(one) !== index)).toEqual([]);
});

test('fields are camelCase; snake_case stands only where an older integration reads it, and where roles are counted by their names', () => {
  const namesIn = (schema: JsonSchema): readonly string[] => [
    ...Object.keys(schema.properties ?? {}),
    ...[...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(namesIn),
    ...(typeof schema.items === 'object' ? namesIn(schema.items) : []),
  ];
  const names = entries.flatMap((entry) => Object.values(partsOf(entry)).flatMap(({ schema }) => namesIn(schema)));
  expect(new Set(names.filter((name) => !/^[a-z][a-zA-Z0-9]*$/.test(name)))).toEqual(new Set(['crm_id', 'assistant_bot', 'broadcast_bot']));
});

test('reasons are snake_case and their codes stand in the table', () => {
  for (const entry of entries)
    if (entry.kind !== 'event')
      for (const [reason, error] of Object.entries(entry.errors)) {
        expect([entry.address, reason]).toEqual([entry.address, expect.stringMatching(/^[a-z][a-z0-9_]*$/)]);
        expect(Object.keys(codes)).toContain(typeof error === 'string' ? error : error.code);
      }
});

test('every example is an input that its method takes', () => {
  for (const entry of entries)
    if (entry.kind === 'method')
      for (const example of entry.examples) {
        const { success, error } = entry.input.safeParse(example);
        expect([entry.address, success ? 'taken' : error.message]).toEqual([entry.address, 'taken']);
      }
});

test('what a method names of its input stands in its input', () => {
  for (const entry of entries) {
    if (entry.kind === 'event') {
      expect(Object.keys(partsOf(entry).payload?.schema.properties ?? {})).toContain(entry.key);
      continue;
    }
    const fields = Object.keys(partsOf(entry).input?.schema.properties ?? {});
    const named = entry.kind === 'method' ? [entry.lane?.field, entry.owner, ...entry.unhashed, ...entry.editable] : [entry.topic];
    const inPath = entry.kind === 'method' ? [...entry.http.route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name) : [];
    expect(fields).toEqual(expect.arrayContaining([...named, ...inPath].filter((name) => name !== undefined)));
  }
});

test('no two methods stand at one route', () => {
  const routes = entries.flatMap((one) => (one.kind === 'method' ? [one.http.route.replace(/\{\w+\}/g, '{}')] : []));
  expect(routes.filter((one, index) => routes.indexOf(one) !== index)).toEqual([]);
});

test.each([
  ['a string', z.object({ a: z.string() }), '/a: a string without .max()'],
  ['a string with an endless pattern', z.object({ a: z.email() }), '/a: a string without .max()'],
  ['a string inside a list', z.object({ a: z.array(z.string()).max(3) }), '/a/*: a string without .max()'],
  ['a string in one case of a union', z.object({ a: z.union([z.int(), z.string()]) }), '/a: a string without .max()'],
  ['a nullable string', z.object({ a: z.string().nullable() }), '/a: a string without .max()'],
  ['an array', z.object({ a: z.array(z.int()) }), '/a: an array without .max()'],
  ['a tuple with a rest', z.object({ a: z.tuple([z.int()], z.int()) }), '/a: an array without .max()'],
  ['a record', z.object({ a: z.record(z.string().max(3), z.int()) }), '/a: a record without .meta({ maxProperties })'],
  ['a loose object', z.looseObject({}), ': a record without .meta({ maxProperties })'],
  ['anything', z.object({ a: z.unknown() }), '/a: any value at all; use Json of common.ts, or name the type in .meta()'],
  ['a custom type', z.object({ a: z.custom() }), '/a: any value at all; use Json of common.ts, or name the type in .meta()'],
])('finds %s that has no bound', (_, schema, fault) => {
  expect(faultsOf(schema)).toEqual([fault]);
});

test('finds a schema that contains itself', () => {
  const Tree: z.ZodType = z.object({ children: z.array(z.lazy(() => Tree)).max(2) });
  expect(faultsOf(Tree)).toEqual(['/children/*: a schema that contains itself: its depth has no bound']);
});

test('finds an object of an input that is not strict, at any depth', () => {
  const loose = z.strictObject({ a: z.array(z.object({ b: z.int() })).max(3) });
  expect(faultsOf(loose, 'input')).toEqual(['/a/*: an object that is not strict; use z.strictObject']);
  expect(faultsOf(loose, 'output')).toEqual([]);
});

test('takes what is bounded in another way', () => {
  const bounded = z.strictObject({
    e: z.enum(['a', 'b']),
    l: z.literal('x'),
    u: z.uuid(),
    b: Bytes,
    j: Json,
    t: z.tuple([z.int(), z.boolean()]),
    r: z.record(z.enum(['a', 'b']), z.int()),
  });
  expect(faultsOf(bounded, 'input')).toEqual([]);
});

test('reports a fault with the address, the part and the place', () => {
  const loose = contract('shop', '1.0.0', {
    buy: method({ summary: 'x', input: z.object({ what: z.string() }), output: z.object({}), idempotency: 'read' }),
    talk: stream({ summary: 'x', input: z.strictObject({}), up: z.object({}), down: z.string() }),
  });
  expect(faults(loose.buy)).toEqual([
    'shop.buy input/what: a string without .max()',
    'shop.buy input: an object that is not strict; use z.strictObject',
  ]);
  expect(faults(loose.talk)).toEqual([
    'shop.talk up: an object that is not strict; use z.strictObject',
    'shop.talk down: a string without .max()',
  ]);
});

test('a name that is not lower snake_case is refused when the contract is made', () => {
  expect(() => contract('Shop', '1.0.0', {})).toThrow('lower snake_case');
  const buyNow = method({ summary: 'x', input: z.strictObject({}), output: z.object({}), idempotency: 'read' });
  expect(() => contract('shop', '1.0.0', { buyNow })).toThrow('shop.buyNow');
});

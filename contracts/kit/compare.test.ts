import { expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  type Alias,
  alias,
  type Contract,
  contract,
  event,
  type HttpShape,
  type Idempotency,
  method,
  type Role,
  stream,
} from './define.ts';
import { type ContractsFile, compare, exported, type StepFact, unannounced } from './describe.ts';

interface Shop {
  readonly input?: z.ZodType;
  readonly output?: z.ZodType;
  readonly payload?: z.ZodObject<{ id: z.ZodType }>;
  readonly policy?: {
    readonly idempotency?: Idempotency;
    readonly lane?: never;
    readonly owner?: never;
    readonly unhashed?: never;
    readonly roles?: readonly Role[];
    readonly http?: `GET /${string}` | HttpShape;
    readonly approval?: 'none' | 'staff' | 'customer';
    readonly reaches?: 'customer';
    readonly timeoutMs?: number;
    readonly errors?: Record<string, 'conflict' | 'not_found'>;
  };
  readonly name?: string;
  readonly version?: string;
  readonly steps?: readonly StepFact[];
  readonly aliases?: readonly string[];
}
const Id = z.object({ id: z.string().max(9) });

function shop({
  input = z.strictObject({}),
  output = Id,
  payload = Id,
  policy = {},
  name = 'buy',
  version = '1.0.0',
  steps,
  aliases = [],
}: Shop): ContractsFile {
  const made = contract('shop', version, {
    [name]: method({ summary: 'x', input, output, idempotency: 'keyed', ...policy }),
    bought: event({ summary: 'x', payload, key: 'id' }),
  }) as unknown as Contract;
  const old: readonly Alias[] = aliases.map((from) => alias(from, made[name] as never));
  return exported([made], old, steps === undefined ? {} : { sale: { method: 'shop.buy', steps } });
}
/** Lines of changes; breaking ones begin with an exclamation mark. */
function changes(before: Shop, after: Shop): readonly string[] {
  return compare(shop(before), shop(after)).map(({ where, what, breaking }) => `${breaking ? '! ' : ''}${where}: ${what}`);
}
const input = (shape: z.core.$ZodLooseShape): Shop => ({ input: z.strictObject(shape as Record<string, z.ZodType>) });
const output = (shape: z.core.$ZodLooseShape): Shop => ({ output: z.object(shape as Record<string, z.ZodType>) });
const text = z.string().max(9);

test('nothing changed is no change', () => {
  expect(changes(input({ a: text }), input({ a: text }))).toEqual([]);
});

test.each<[string, Shop, Shop, readonly string[]]>([
  ['a new required field', input({}), input({ a: text }), ['! shop.buy input/a: new required field']],
  ['a new optional field', input({}), input({ a: text.optional() }), ['shop.buy input/a: field added']],
  ['a new field with a default', input({}), input({ a: text.default('x') }), ['shop.buy input/a: field added']],
  ['a removed field', input({ a: text.optional() }), input({}), ['! shop.buy input/a: field removed']],
  ['an optional field that became required', input({ a: text.optional() }), input({ a: text }), ['! shop.buy input/a: became required']],
  ['a required field that became optional', input({ a: text }), input({ a: text.optional() }), ['shop.buy input/a: became optional']],
  ['a shorter text', input({ a: text }), input({ a: z.string().max(8) }), ['! shop.buy input/a: maxLength: 9 → 8']],
  ['a longer text', input({ a: text }), input({ a: z.string().max(10) }), ['shop.buy input/a: maxLength: 9 → 10']],
  ['a larger minimum', input({ a: z.int().min(1) }), input({ a: z.int().min(2) }), ['! shop.buy input/a: minimum: 1 → 2']],
  ['a new pattern', input({ a: text }), input({ a: text.regex(/^a$/) }), ['! shop.buy input/a: pattern: absent → ^a$']],
  ['a pattern less', input({ a: text.regex(/^a$/) }), input({ a: text }), ['shop.buy input/a: pattern: ^a$ → absent']],
  ['a value less', input({ a: z.enum(['x', 'y']) }), input({ a: z.enum(['x']) }), ['! shop.buy input/a: value removed: y']],
  ['a value more', input({ a: z.enum(['x']) }), input({ a: z.enum(['x', 'y']) }), ['shop.buy input/a: value added: y']],
  [
    'an enum for a text',
    input({ a: text }),
    input({ a: z.enum(['x']).meta({ maxLength: 9 }) }),
    ['! shop.buy input/a: value: any → ["x"]'],
  ],
  [
    'another type',
    input({ a: text }),
    input({ a: z.boolean() }),
    ['! shop.buy input/a: type removed: string', 'shop.buy input/a: type added: boolean', 'shop.buy input/a: maxLength: 9 → absent'],
  ],
  ['integers for numbers', input({ a: z.number() }), input({ a: z.int() }), ['! shop.buy input/a: type removed: number']],
  ['numbers for integers', input({ a: z.int() }), input({ a: z.number() }), ['shop.buy input/a: type added: number']],
  ['null no more', input({ a: text.nullable() }), input({ a: text }), ['! shop.buy input/a: case removed: null']],
  ['null as well', input({ a: text }), input({ a: text.nullable() }), ['shop.buy input/a: case added: null']],
  [
    'a change inside a list',
    input({ a: z.array(text).max(2) }),
    input({ a: z.array(z.string().max(1)).max(2) }),
    ['! shop.buy input/a/*: maxLength: 9 → 1'],
  ],
  [
    'a change inside a nullable',
    input({ a: text.nullable() }),
    input({ a: z.string().max(1).nullable() }),
    ['! shop.buy input/a: maxLength: 9 → 1'],
  ],
  ['a strict object for a loose one', { input: z.object({}) }, input({}), ['! shop.buy input: unknown fields are now refused']],
])('of an input: %s', (_, before, after, expected) => {
  expect(changes(before, after)).toEqual(expected);
});

test.each<[string, Shop, Shop, readonly string[]]>([
  ['a field less', output({ a: text }), output({}), ['! shop.buy output/a: field removed']],
  ['a field more', output({}), output({ a: text }), ['shop.buy output/a: field added']],
  ['a field that may be absent', output({ a: text }), output({ a: text.optional() }), ['! shop.buy output/a: became optional']],
  ['a field that is always there', output({ a: text.optional() }), output({ a: text }), ['shop.buy output/a: became required']],
  ['a value more', output({ a: z.enum(['x']) }), output({ a: z.enum(['x', 'y']) }), ['! shop.buy output/a: value added: y']],
  ['a value less', output({ a: z.enum(['x', 'y']) }), output({ a: z.enum(['x']) }), ['shop.buy output/a: value removed: y']],
  ['a null', output({ a: text }), output({ a: text.nullable() }), ['! shop.buy output/a: case added: null']],
  ['a longer text', output({ a: text }), output({ a: z.string().max(99) }), ['shop.buy output/a: maxLength: 9 → 99']],
  [
    'a text for an enum',
    output({ a: z.enum(['x']) }),
    output({ a: text }),
    ['! shop.buy output/a: value: ["x"] → any', 'shop.buy output/a: maxLength: absent → 9'],
  ],
  ['another description', output({ a: text }), output({ a: text.describe('d') }), ['shop.buy output/a: description: absent → d']],
])('of an output: %s', (_, before, after, expected) => {
  expect(changes(before, after)).toEqual(expected);
});

test('an event is read, so a field less breaks', () => {
  const more = z.object({ id: text, at: text });
  expect(changes({ payload: more }, { payload: Id })).toEqual(['! shop.bought payload/at: field removed']);
  expect(changes({ payload: Id }, { payload: more })).toEqual(['shop.bought payload/at: field added']);
});

test('a form that is accepted beside JSON breaks nobody, and one that is no longer accepted does', () => {
  const json = { policy: { http: { route: 'POST /a' } as const } };
  const form = { policy: { http: { route: 'POST /a', body: 'multipart', files: { a: { name: 'b' } } } as const } };
  expect(changes(json, form)).toEqual([]);
  expect(changes(form, json)).toEqual([expect.stringMatching(/^! shop.buy: http: /)]);
});

test('an owner of a stream, added or removed, sends its opening elsewhere', () => {
  const line = (owner?: 'id') =>
    exported([contract('shop', '1.0.0', { line: stream({ summary: 'x', input: Id, up: Id, down: Id, ...(owner && { owner }) }) })], []);
  const changed = (before: ContractsFile, after: ContractsFile) =>
    compare(before, after).map(({ where, what, breaking }) => [where, what, breaking]);
  expect(changed(line(), line('id'))).toEqual([['shop.line', 'owner: absent → id', true]]);
  expect(changed(line('id'), line())).toEqual([['shop.line', 'owner: id → absent', true]]);
});

test('leaving a field out of the hash breaks callers unless the field is new', () => {
  const policy = { unhashed: ['a'] as never };
  expect(changes(input({}), { ...input({ a: text.default('x') }), policy })).toEqual(['shop.buy input/a: field added']);
  expect(changes(input({ a: text }), { ...input({ a: text }), policy })).toEqual(['! shop.buy: unhashed: absent → ["a"]']);
});

test.each<[string, Shop['policy'], Shop['policy'], readonly string[]]>([
  ['idempotency', {}, { idempotency: 'read' }, ['! shop.buy: idempotency: keyed → read', 'shop.buy: ttlMs: 86400000 → absent']],
  ['owner', {}, { owner: 'a' as never }, ['! shop.buy: owner: absent → a']],
  ['lane', { lane: 'a' as never }, { lane: 'b' as never }, ['! shop.buy: lane: a → b']],
  ['route', { http: 'GET /a' }, { http: 'GET /b' }, ['! shop.buy: http: {"route":"GET /a"} → {"route":"GET /b"}']],
  ['a role less', { roles: ['a', 'b'] }, { roles: ['a'] }, ['! shop.buy: roles: ["a","b"] → ["a"]']],
  ['a first role', {}, { roles: ['a'] }, ['! shop.buy: roles: absent → ["a"]']],
  ['a role more', { roles: ['a'] }, { roles: ['a', 'b'] }, ['shop.buy: roles: ["a"] → ["a","b"]']],
  ['approval', {}, { approval: 'staff' }, ['! shop.buy: approval: absent → staff']],
  ['less approval', { approval: 'customer' }, { approval: 'staff' }, ['shop.buy: approval: customer → staff']],
  ['reaches', {}, { reaches: 'customer' }, ['! shop.buy: reaches: absent → customer']],
  ['time-out', {}, { timeoutMs: 5 }, ['shop.buy: timeoutMs: 10000 → 5']],
  ['a code', { errors: { no: 'conflict' } }, { errors: { no: 'not_found' } }, ['! shop.buy: error no: conflict → not_found']],
  ['a reason more', {}, { errors: { no: 'conflict' } }, ['shop.buy: error no: absent → conflict']],
])('of a policy: %s', (_, before, after, expected) => {
  expect(changes({ policy: before ?? {} }, { policy: after ?? {} })).toEqual(expected);
});

test('a method that is gone is told from one that has another name', () => {
  expect(changes({ name: 'buy' }, { name: 'purchase' })).toEqual(['! shop.buy: renamed to shop.purchase']);
  expect(changes({ name: 'buy' }, { name: 'look', ...input({ a: text }) })).toEqual([
    '! shop.buy: removed (method)',
    'shop.look: added (method)',
  ]);
});

test('an old name that is gone breaks those who use it', () => {
  expect(changes({ aliases: ['old.buy'] }, {})).toEqual(['! shop.buy alias old.buy: removed']);
});

const step = (name: string, target = `shop.${name}`): StepFact => ({ name, kind: 'step', target });

test.each<[string, readonly StepFact[], readonly StepFact[], readonly string[]]>([
  ['removed', [step('a'), step('b')], [step('a')], ['! shop.buy pipeline/b: step removed']],
  ['renamed', [step('a', 'x.y')], [step('b', 'x.y')], ['! shop.buy pipeline/a: step renamed to b']],
  ['reordered', [step('a'), step('b')], [step('b'), step('a')], ['! shop.buy pipeline: steps reordered: a, b → b, a']],
  ['aimed elsewhere', [step('a', 'x.y')], [step('a', 'x.z')], ['! shop.buy pipeline/a: step x.y → step x.z']],
  ['made a wait', [step('a', 'x.y')], [{ name: 'a', kind: 'wait', target: 'x.y' }], ['! shop.buy pipeline/a: step x.y → wait x.y']],
  [
    'delayed longer',
    [{ name: 'a', kind: 'delay', target: '1 ms' }],
    [{ name: 'a', kind: 'delay', target: '2 ms' }],
    ['shop.buy pipeline/a: delay 1 ms → delay 2 ms'],
  ],
  ['added between', [step('a'), step('b')], [step('a'), step('c'), step('b')], ['shop.buy pipeline/c: step added']],
])('a released step that is %s', (_, before, after, expected) => {
  expect(changes({ steps: before }, { steps: after })).toEqual(expected);
});

test('a pipeline that is gone breaks its runs', () => {
  expect(changes({ steps: [step('a')] }, {})).toEqual(['! shop.buy pipeline: removed']);
});

test('a new major version announces what breaks, a new minor one does not', () => {
  const [before, after] = [input({ a: text }), input({})];
  expect(unannounced(shop(before), shop({ ...after, version: '1.1.0' }))).toHaveLength(1);
  expect(unannounced(shop(before), shop({ ...after, version: '2.0.0' }))).toEqual([]);
});

const Name = z
  .string()
  .max(9)
  .regex(/^[a-z]+$/)
  .meta({ open: true });

test('a parameter in a path may have another name, but no other path', () => {
  const at = (http: `GET /${string}`): Shop => ({ ...input({ a: text, b: text }), policy: { http } });
  expect(changes(at('GET /things/{a}'), at('GET /things/{b}'))).toEqual([]);
  expect(changes(at('GET /things/{a}'), at('GET /thing/{a}'))).toEqual([expect.stringMatching(/^! shop.buy: http/)]);
});

test('a route may become an alias, and roles of people and their view concern no caller', () => {
  const at = (route: `GET /${string}`, more: object = {}): Shop => ({ policy: { http: { route, ...more } as never } });
  expect(changes(at('GET /a'), { ...at('GET /b', { people: ['admin'], viewer: 'viewer' }), aliases: ['GET /a'] })).not.toContainEqual(
    expect.stringMatching(/^! /),
  );
  expect(changes(at('GET /a'), at('GET /a', { scope: 'admin' }))).toEqual([expect.stringMatching(/^! shop.buy: http/)]);
});

test('a route may open to more keys, and a method that had none may get any', () => {
  const at = (roles: readonly string[], route: `GET /${string}`, more: object = {}): Shop => ({
    policy: { roles, http: { route, ...more } } as never,
  });
  const breaks = (before: Shop, after: Shop) => changes(before, after).filter((change) => change.startsWith('! '));
  expect(breaks(at(['gateway'], 'GET /a'), at(['gateway'], 'GET /a', { scope: 'send', actor: 'by' }))).toEqual([]);
  expect(breaks(at(['gateway'], 'GET /a', { scope: 'send' }), at(['gateway'], 'GET /a'))).toHaveLength(1);
  expect(breaks(at(['operator'], 'GET /a'), at(['operator', 'gateway'], 'GET /b', { scope: 'admin' }))).toEqual([]);
  expect(breaks(at(['gateway'], 'GET /a'), at(['gateway'], 'GET /b'))).toHaveLength(1);
});

test('a list of names may become an open name that has each of them, for callers and for readers', () => {
  const list = z.enum(['mail', 'fax']);
  expect(changes(input({ a: list }), input({ a: Name }))).toEqual(['shop.buy input/a: value: ["mail","fax"] → an open name']);
  expect(changes(output({ a: list }), output({ a: Name }))).toEqual(['shop.buy output/a: value: ["mail","fax"] → an open name']);
  expect(changes(output({ a: z.enum(['Mail']) }), output({ a: Name }))).toContainEqual(expect.stringMatching(/^! /));
  expect(changes(output({ a: list }), output({ a: z.string().max(9) }))).toContainEqual(expect.stringMatching(/^! /));
});

test('a case may be added to an open union, and to no other one, for readers', () => {
  const [one, other] = [z.object({ is: z.literal('a') }), z.object({ is: z.literal('b') })];
  const open = z.discriminatedUnion('is', [one, other]).meta({ open: true });
  const before = output({ a: z.discriminatedUnion('is', [one]) });
  expect(changes(before, output({ a: open }))).not.toContainEqual(expect.stringMatching(/^! /));
  expect(changes(before, output({ a: z.discriminatedUnion('is', [one, other]) }))).toContainEqual(expect.stringMatching(/^! .*case added/));
});

test('a method may become an alias of one that has its route, accepts its input and returns its output', () => {
  const file = (routes: readonly string[], output: z.ZodType, extra: object = {}): ContractsFile => {
    const { receive } = contract('shop', '1.0.0', {
      receive: method({
        ...{ summary: 'x', idempotency: 'idempotent', http: routes[0] as `POST /${string}`, output },
        input: z.strictObject({ at: text, id: z.string().max(9), ...extra }),
      }),
    });
    const to = receive as never;
    const others = routes.slice(1).map((from) => alias(from, to));
    return exported([{ receive }], [alias('shop.fax', to, { fixed: { at: 'fax' } as never }), ...others]);
  };
  const { fax } = contract('shop', '1.0.0', {
    fax: method({ summary: 'x', input: Id.strict(), output: Id, idempotency: 'idempotent', http: 'POST /fax/hook' }),
  });
  const breaking = (after: ContractsFile) => compare(exported([{ fax }], []), after).flatMap((one) => (one.breaking ? [one.what] : []));
  expect(breaking(file(['POST /{at}/hook'], Id.extend({ more: text })))).toEqual([]);
  expect(breaking(file(['POST /new', 'POST /fax/hook'], Id))).toEqual([]);
  expect(breaking(file(['POST /new'], Id))).toEqual(['route removed: POST /fax/hook']);
  expect(breaking(file(['POST /{at}/hook'], z.object({})))).toEqual(['field removed']);
  expect(breaking(file(['POST /{at}/hook'], Id, { more: text }))).toEqual(['new required field']);
});

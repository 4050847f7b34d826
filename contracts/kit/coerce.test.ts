import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { Bytes, Json, Phone } from '../common.ts';
import { coerce, coerceFields, isParam } from './coerce.ts';
import { jsonSchema } from './describe.ts';
import type { PolybError } from './errors.ts';

const schema = jsonSchema(
  z.strictObject({
    name: z.string().max(9),
    phone: Phone,
    count: z.int(),
    ratio: z.number(),
    on: z.boolean(),
    state: z.enum(['new', 'old']),
    level: z.literal([1, 2]),
    ended: z.enum(['system', 'remote']).nullable(),
    maybe: z.int().nullable(),
    word: z.string().max(9).nullable(),
    either: z.union([z.int(), z.boolean()]),
    tags: z.array(z.string().max(9)).max(9),
    counts: z.array(z.int()).max(9),
    address: z.strictObject({ city: z.string().max(9), floor: z.int() }),
    items: z.array(z.strictObject({ name: z.string().max(9), n: z.int() })).max(9),
    about: z.record(z.string().max(9), z.int()).meta({ maxProperties: 9 }),
    sound: Bytes,
    any: Json,
  }),
  'input',
);
const files: Record<string, Uint8Array> = {
  'note.txt': Buffer.from('при\nвет'),
  'lead.json': Buffer.from('{"a": [1]}'),
  'call.wav': Uint8Array.of(0, 255),
};
const read = (path: string) => files[path] ?? Buffer.from('');
const take = (...params: string[]) => coerce(schema, params, { read });
const refusal = (...params: string[]): string => {
  try {
    return `accepted ${JSON.stringify(take(...params))}`;
  } catch (error) {
    expect((error as PolybError).code).toBe('invalid_argument');
    return (error as Error).message;
  }
};

test.each([
  ['name=Иван', { name: 'Иван' }],
  ['name=', { name: '' }],
  ['name=0033', { name: '0033' }],
  ['name=true', { name: 'true' }],
  ['name=a=b@c:=d', { name: 'a=b@c:=d' }],
  ['phone=89995553322', { phone: '89995553322' }],
  ['phone=+79995553322', { phone: '+79995553322' }],
  ['word=null', { word: 'null' }],
  ['word:=null', { word: null }],
  ['maybe=null', { maybe: null }],
  ['count=-7', { count: -7 }],
  ['ratio=0.50', { ratio: 0.5 }],
  ['on=false', { on: false }],
  ['either=true', { either: true }],
  ['either=3', { either: 3 }],
  ['state=old', { state: 'old' }],
  ['level=2', { level: 2 }],
  ['ended=null', { ended: null }],
  ['ended=remote', { ended: 'remote' }],
  ['count:=3', { count: 3 }],
  ['tags:=["vip"]', { tags: ['vip'] }],
  ['name=@note.txt', { name: 'при\nвет' }],
  ['any:=@lead.json', { any: { a: [1] } }],
  ['any=12', { any: '12' }],
  ['any.deep.er=12', { any: { deep: { er: '12' } } }],
  ['sound@call.wav', { sound: 'AP8=' }],
  ['address.city=Пермь', { address: { city: 'Пермь' } }],
  ['address.floor=3', { address: { floor: 3 } }],
  ['counts[]=3', { counts: [3] }],
  ['items[0].n=3', { items: [{ n: 3 }] }],
  ['about.x=3', { about: { x: 3 } }],
])('%s', (param, body) => {
  expect(take(param)).toEqual(body);
});

test.each([
  ['count=1.0', 'count: expected an integer'],
  ['count=0120', 'count: expected an integer'],
  ['count=', 'count: expected an integer'],
  ['count=12345678901234567890', 'count: expected an integer'],
  ['ratio=1,5', 'ratio: expected a number'],
  ['ratio=0x1F', 'ratio: expected a number'],
  ['ratio=1e999', 'ratio: expected a number'],
  ['on=yes', 'on: expected true or false'],
  ['on=1', 'on: expected true or false'],
  ['state=older', 'state: expected one of new, old'],
  ['maybe=x', 'maybe: expected an integer or null'],
  ['tags=a', 'tags: expected a list: write tags[]=… for each item, or tags:=[…]'],
  ['address=a', 'address: expected an object: write address.field=…, or address:={…}'],
  ['address.street=a', 'address.street: expected one of the fields city, floor'],
  ['name.first=a', 'name.first: expected a text, which has no fields'],
  ['name[]=a', 'name.-: expected a text, not a list'],
  ['items[2].n=3', 'items.2.n: expected index 0 next; lists have no gaps'],
  ['any:=[12345678901234567890]', 'any: expected numbers within 2^53; write a longer one as text'],
  ['any:=Иван', 'any: expected JSON after := (a text needs quotes, or = instead of :=)'],
  ['name@note.txt', 'name: expected a text; for a text file write name=@file'],
])('%s is refused: %s', (param, message) => {
  expect(refusal(param)).toBe(`Bad parameters: ${message}.`);
});

test('an unknown field is refused, and the message lists those there are', () => {
  expect(refusal('phoneNumber=+79995553322')).toMatch(/^Bad parameters: phoneNumber: expected one of the fields name, phone, count/);
});

test('every wrong parameter is told at once, and no value is repeated in the message', () => {
  const message = refusal('count=+79995553322', 'on=+79995553322');
  expect(message).toBe('Bad parameters: count: expected an integer; on: expected true or false.');
});

test('parameters override the body and leave the rest, and the body itself stays as it was', () => {
  const body = { name: 'a', address: { city: 'b', floor: 1 }, tags: ['x'] };
  expect(coerce(schema, ['address.floor=2', 'tags[]=y'], { body })).toEqual({
    name: 'a',
    address: { city: 'b', floor: 2 },
    tags: ['x', 'y'],
  });
  expect(body).toEqual({ name: 'a', address: { city: 'b', floor: 1 }, tags: ['x'] });
  expect(coerce(schema, [], { body: [1] })).toEqual([1]);
});

test('a field of any name lands in the body and nowhere else', () => {
  const anything = jsonSchema(Json, 'input');
  const made = coerce(anything, ['__proto__.polluted=yes', 'constructor.prototype.polluted=yes']) as object;
  expect(Object.keys(made)).toEqual(['__proto__', 'constructor']);
  expect(({} as { polluted?: string }).polluted).toBeUndefined();
});

test('a word that sets a field is told from an address and a flag', () => {
  expect(['a=b', 'a.b:=1', 'a[]=1', 'a@f', 'имя=я'].filter((word) => !isParam(word))).toEqual([]);
  expect(['crm.push_to_crm', '--a=b', '-d', '@f', '=b', ''].filter(isParam)).toEqual([]);
});

test('a text comes through unchanged, whatever it holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) =>
      expect(coerce(schema, [`word=${text}`.replace('=@', '= @')])).toEqual({ word: `=${text}`.replace('=@', '= @').slice(1) }),
    ),
  );
});

test('an integer comes through unchanged', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (count) => expect(take(`count=${count}`)).toEqual({ count })));
});

test.each([
  ['a number', [['count', '7']], { count: 7 }],
  ['a list of one', [['tags', 'a']], { tags: ['a'] }],
  [
    'a list of two',
    [
      ['tags', 'a'],
      ['tags', 'b'],
    ],
    { tags: ['a', 'b'] },
  ],
  ['an operator in a value', [['word', '@/etc/passwd']], { word: '@/etc/passwd' }],
  ['a name with a dot in a record', [['hub.mode', 'x']], { 'hub.mode': 'x' }],
] as const)('fields of a query: %s', (_, pairs, expected) => {
  const { properties } = jsonSchema(z.object({ count: z.int(), tags: z.array(z.string()), word: z.string() }), 'input');
  expect(coerceFields({ type: 'object', ...(properties && { properties }), additionalProperties: { type: 'string' } }, pairs)).toEqual(
    expected,
  );
});

test('fields of a query: every wrong one is named, and a name of the language’s own makes a field', () => {
  const own = jsonSchema(z.strictObject({ count: z.int() }), 'input');
  expect(() =>
    coerceFields(own, [
      ['count', 'x'],
      ['colour', 'red'],
    ]),
  ).toThrow('count: expected an integer; colour: expected one of the fields count');
  const open = { type: 'object', additionalProperties: { type: 'string' } } as const;
  expect(Object.keys(coerceFields(open, [['__proto__', 'x']]) as object)).toEqual(['__proto__']);
});

test('a name that is no field is told without phones and credentials', () => {
  const own = jsonSchema(z.strictObject({ count: z.int() }), 'input');
  const named = (name: string) => () => coerceFields(own, [[name, 'x']]);
  expect(named('https://wa.me/79995553322')).toThrow(/wa\.me\.\*\*\*3322: expected one of the fields count/);
  expect(named('{"password":"canary"}')).toThrow(/^(?!.*canary).*: expected one of the fields count/);
});

test('loads no package', () => {
  const script = `await import(${JSON.stringify(join(import.meta.dirname, 'coerce.ts'))}); await import(${JSON.stringify(join(import.meta.dirname, 'legacy-body.ts'))});
    const { builtinModules: _, registerHooks } = await import('node:module');`;
  const hook = `data:text/javascript,import { registerHooks } from 'node:module'; registerHooks({ resolve(name, at, next) { if (!/^(node:|file:|data:|\\.)/.test(name) && !name.startsWith('/')) throw new Error('loaded ' + name); return next(name, at); } });`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', hook, '--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

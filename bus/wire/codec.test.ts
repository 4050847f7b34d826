import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { decode, encode, type Format, plainCopy } from './codec.ts';

const bytes = (body: string | Uint8Array): Uint8Array => (typeof body === 'string' ? Buffer.from(body) : body);
const badBody = expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' });
const formats: Format[] = ['json', 'msgpack'];

test('any JSON value without a field __proto__ is the same after encoding and decoding in either format', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(...formats), (value, format) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('__proto__'));
      const plain = JSON.parse(text);
      expect(decode(format, bytes(encode(format, value, false)))).toEqual(plain);
    }),
  );
});

test('any bytes decode to a plain value or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...formats), (body, format) => {
      try {
        expect(plainCopy(decode(format, body))).toEqual(decode(format, body));
      } catch (thrown) {
        expect(thrown).toEqual(badBody);
      }
    }),
    { numRuns: 2000 },
  );
});

test('bytes stay bytes in msgpack and are base64 in JSON', () => {
  const value = { data: Uint8Array.of(1, 2, 255), buffer: Buffer.from([7]), list: [Uint8Array.of(3)] };
  expect(JSON.parse(encode('json', value, true) as string)).toEqual({ data: 'AQL/', buffer: 'Bw==', list: ['Aw=='] });
  const back = decode('msgpack', bytes(encode('msgpack', value, true))) as typeof value;
  expect([...back.data, ...back.buffer, ...(back.list[0] as Uint8Array)]).toEqual([1, 2, 255, 7, 3]);
});

test('an absent field stays absent and a date is text, in either format', () => {
  const value = { there: 1, absent: undefined, at: new Date(0) };
  for (const format of formats)
    expect(decode(format, bytes(encode(format, value, false)))).toEqual({ there: 1, at: '1970-01-01T00:00:00.000Z' });
});

test.each([
  ['a date', new Date(0)],
  ['a set', new Set([1])],
  ['a pattern', /a/],
  ['an error', new Error('x')],
  ['undefined', [undefined]],
  ['a big whole number', { n: 2n ** 70n }],
])('msgpack that would come alive as %s is refused', (_, value) => {
  const hostile = new Packr({ useRecords: false, moreTypes: true, useBigIntExtension: true } as object).pack(value);
  expect(() => decode('msgpack', hostile)).toThrow(badBody);
});

test('a body of more than 16 levels, 10,000 values or 1 MB is refused', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  expect(decode('json', Buffer.from(nested(16)))).toBeDefined();
  expect(() => decode('json', Buffer.from(nested(17)))).toThrow(badBody);
  expect(() => decode('json', Buffer.from(nested(100_000)))).toThrow(badBody);
  expect(() => decode('msgpack', Buffer.alloc(100_000, 0x91))).toThrow(badBody);
  expect(decode('json', Buffer.from(JSON.stringify(Array(9_999).fill(1))))).toBeDefined();
  expect(() => decode('json', Buffer.from(JSON.stringify(Array(10_000).fill(1))))).toThrow(badBody);
  expect(() => decode('json', Buffer.from(JSON.stringify(Array(101).fill(Array(100).fill(1)))))).toThrow(badBody);
  expect(() => decode('json', Buffer.alloc(1_048_577, 32))).toThrow(expect.objectContaining({ reason: 'payload_too_large' }));
});

test('__proto__ in a body changes no prototype', () => {
  for (const body of ['{"__proto__":{"polluted":1}}', '{"a":{"__proto__":{"polluted":1}}}']) {
    const copy = plainCopy(decode('json', Buffer.from(body))) as { polluted?: number; a?: { polluted?: number } };
    expect(copy.polluted ?? copy.a?.polluted).toBeUndefined();
  }
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test('a value without a plain form is refused on encoding', () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const value of [circle, { n: 1n }]) for (const format of formats) expect(() => encode(format, value, false)).toThrow();
  expect(() => plainCopy(circle)).toThrow(badBody);
});

test.each([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]])(
  'a JSON body that is not UTF-8 is refused and not repaired',
  (...bytes) => {
    const body = Buffer.concat([Buffer.from('{"text":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(() => decode('json', body)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' }));
  },
);

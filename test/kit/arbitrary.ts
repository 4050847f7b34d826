/** Values that a JSON Schema allows, and values that look like them, for property-based tests. */
import fc from 'fast-check';
import { resolveRef } from '../../contracts/kit/describe/walk.ts';
import type { JsonSchema } from '../../contracts/kit/describe.ts';

const mostItems = 4;
const longest = 200;
/** What breaks careless code: controls, surrogates, direction marks, markup, what databases and shells read. */
const awkward = [
  '',
  ' ',
  '\0',
  '\u202e',
  '\ud800',
  '😀'.repeat(20),
  '<img onerror=alert(1)>',
  "'; drop table x; --",
  '../../etc/passwd',
  '%00',
  '$1',
  '\\',
  'null',
];

/** Allowed by `schema`, but for rules that JSON Schema cannot say. */
export function fitting(schema: JsonSchema, root: JsonSchema = schema): fc.Arbitrary<unknown> {
  const part = resolveRef(root, schema);
  if (part.const !== undefined) return fc.constant(part.const);
  if (part.enum !== undefined) return fc.constantFrom(...part.enum);
  const cases = [...(part.anyOf ?? []), ...(part.oneOf ?? [])];
  if (cases.length > 0) return fc.oneof(...cases.map((each) => fitting(each, root)));
  const [type] = [part.type].flat();
  switch (type) {
    case 'object':
      return objectOf(part, root);
    case 'array':
      return fc.array(typeof part.items === 'object' ? fitting(part.items, root) : fc.jsonValue(), {
        minLength: part.minItems ?? 0,
        maxLength: Math.min(part.maxItems ?? mostItems, Math.max(part.minItems ?? 0, mostItems)),
      });
    case 'string':
      return textOf(part);
    case 'integer':
      return fc.integer({ min: part.minimum ?? (part.exclusiveMinimum ?? -1_001) + 1, max: part.maximum ?? 1_000_000 });
    case 'number':
      return fc.double({ min: part.minimum ?? -1e6, max: part.maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function objectOf(
  { properties = {}, required = [], additionalProperties, maxProperties = mostItems }: JsonSchema,
  root: JsonSchema,
): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, child]) => [name, /Ms$/.test(name) ? short(child, root) : fitting(child, root)]),
  );
  const declared = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  if (typeof additionalProperties !== 'object') return declared;
  const further = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), fitting(additionalProperties, root), {
    maxKeys: Math.min(maxProperties, mostItems),
  });
  return fc.tuple(further, declared).map(([some, own]) => ({ ...some, ...(own as object) }));
}
/** A length of time that a test can wait for. */
function short(schema: JsonSchema, root: JsonSchema): fc.Arbitrary<unknown> {
  return schema.type === 'integer'
    ? fc.integer({ min: schema.minimum ?? 0, max: Math.max(schema.minimum ?? 0, 20) })
    : fitting(schema, root);
}

function textOf({ pii, format, pattern, contentEncoding, examples, minLength = 0, maxLength = longest }: JsonSchema): fc.Arbitrary<string> {
  // Many phones: what is known of one would decide about the next.
  if (pii === 'phone') return fc.integer({ min: 0, max: 9_999_999 }).map((number) => `+7999${String(number).padStart(7, '0')}`);
  if (format === 'date-time') return fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((at) => at.toISOString());
  if (format === 'email') return fc.emailAddress();
  if (contentEncoding === 'base64') return fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'));
  const known = (examples ?? []).filter((each) => typeof each === 'string');
  if (known.length > 0) return fc.constantFrom(...known);
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern)).map((text) => text.slice(0, maxLength));
  const size = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, longest)) };
  const strange = awkward.filter((text) => text.length >= size.minLength && text.length <= size.maxLength);
  const plain = fc.string({ ...size, unit: 'grapheme' }).filter((text) => text.length >= size.minLength && text.length <= size.maxLength);
  return strange.length === 0 ? plain : fc.oneof(plain, fc.constantFrom(...strange));
}

/** A fitting value in which something is wrong: a field of another type, one too many, one missing, or something else altogether. */
export function broken(schema: JsonSchema): fc.Arbitrary<unknown> {
  const other = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(...awkward, 1e308, -0, [], {}, 'x'.repeat(5_000)));
  const damaged = fc
    .tuple(fitting(schema), fc.nat(), other, fc.constantFrom('replace', 'remove', 'add'))
    .map(([value, nth, wrong, how]) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong;
      const names = Object.keys(value);
      const name = how === 'add' ? `extra${nth % 3}` : names[nth % Math.max(1, names.length)];
      if (name === undefined) return { extra: wrong };
      const { [name]: _, ...rest } = value as Record<string, unknown>;
      return how === 'remove' ? rest : { ...rest, [name]: wrong };
    });
  return fc.oneof({ weight: 4, arbitrary: damaged }, { weight: 1, arbitrary: other });
}

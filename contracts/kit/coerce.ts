/**
 * Parses text from a command line or a URL into the input of a method. Nothing is guessed: `k=v` is text, or the type that the method's schema
 * declares. Loads no schema library, because the command line uses it on its shortest path; the service validates.
 *
 * `firstName=Иван` text or the declared type · `retries:=3` JSON · `note=@note.txt` text of a file · `body:=@lead.json` JSON of a file ·
 * `audio@call.wav` bytes of a file, base64 · `address.city=Пермь` a nested field · `tags[]=a` appends an item · `items[0].name=a` a field of an item
 */
import type { JsonSchema } from './describe/schema.ts';
import { alternatives, hasType, resolveRef } from './describe/walk.ts';
import { type FieldIssue, PolybError } from './errors.ts';
import { scrub } from './scrub.ts';

export interface CoerceOptions {
  /** The whole body; parameters override its fields. */
  readonly body?: unknown;
  /** Reads a file named by a parameter. */
  readonly read?: (path: string) => Uint8Array;
}
/** A step into a value: a field, the index of an item, or appending an item. */
type Step = { readonly field: string } | { readonly index: number } | 'append';
interface Param {
  readonly steps: readonly Step[];
  readonly name: string;
  readonly operator: '=' | ':=' | '=@' | ':=@' | '@';
  readonly text: string;
}
interface Mismatch {
  readonly expected: string;
}
type Conversion = { readonly value: unknown } | Mismatch;
/** Schemas that apply at a place: one, or the cases of a union. An empty list allows anything. */
type Cases = readonly JsonSchema[];

/** @throws PolybError invalid_argument/bad_parameters that names every wrong parameter and the expected value. */
export function coerce(schema: JsonSchema, params: readonly string[], given: CoerceOptions = {}): unknown {
  return assign(schema, params.map(parse), given);
}

/**
 * Parses the fields of a query string or a path into the types that the schema declares. A repeated name appends to a list.
 * @throws PolybError invalid_argument/bad_parameters, as `coerce`.
 */
export function coerceFields(schema: JsonSchema, pairs: readonly (readonly [name: string, text: string])[], body?: unknown): unknown {
  return assign(
    schema,
    pairs.map(([name, text]): Param => ({ steps: stepsTo(schema, name), name, operator: '=', text })),
    { body },
  );
}
function stepsTo(schema: JsonSchema, name: string): readonly Step[] {
  const cases = casesAt(schema, [{ field: name }]);
  const isList = !('expected' in cases) && cases.some((one) => hasType(one, 'array'));
  return isList ? [{ field: name }, 'append'] : [{ field: name }];
}

function assign(schema: JsonSchema, params: readonly Param[], given: CoerceOptions): unknown {
  const issues: FieldIssue[] = [];
  let body: unknown = given.body ?? {};
  for (const param of params) {
    const cases = casesAt(schema, param.steps);
    const made = 'expected' in cases ? cases : convert(cases, param, given.read);
    const put = 'expected' in made ? made : set(body, param.steps, made.value);
    if ('expected' in put) issues.push({ pointer: pointerOf(param), expected: put.expected, given: `${param.operator}***` });
    else body = put.value;
  }
  if (issues.length === 0) return body;
  const lines = issues.map(({ pointer, expected }) => `${pointer.slice(1).replaceAll('/', '.')}: expected ${expected}`);
  throw new PolybError('invalid_argument', `Bad parameters: ${lines.join('; ')}.`, { reason: 'bad_parameters', data: { issues } });
}

const grammar = /^([\p{L}_$][\p{L}\p{N}_$-]*(?:\.[\p{L}\p{N}_$-]+|\[\d*\])*)(:=@|:=|=@|=|@)(.*)$/su;

/** True for a command-line word that sets a field. */
export function isParam(word: string): boolean {
  return grammar.test(word);
}

function parse(word: string): Param {
  const [, name, operator, text = ''] = grammar.exec(word) ?? [];
  if (name === undefined)
    throw new PolybError('invalid_argument', 'A parameter is name=value, name:=json, name=@file or name@file; see polyb help params.', {
      reason: 'bad_parameters',
    });
  const steps = [...name.matchAll(/\[(\d*)\]|[^.[\]]+/g)].map(([part, index]): Step => {
    if (index === undefined) return { field: part };
    return index === '' ? 'append' : { index: Number(index) };
  });
  return { steps, name, operator: operator as Param['operator'], text };
}

function pointerOf({ steps }: Param): string {
  return steps.map((step) => `/${step === 'append' ? '-' : 'field' in step ? shownName(step.field) : step.index}`).join('');
}

/** An unknown field name in a query may contain personal data. */
function shownName(field: string): string {
  return scrub(field.slice(0, 500)).slice(0, 100);
}

/** Cache for repeated look-ups: a server has a few hundred fields, each with one result. */
const known = new WeakMap<JsonSchema, Map<string, Cases>>();

/** Schemas that apply where the steps lead. */
function casesAt(root: JsonSchema, steps: readonly Step[]): Cases | Mismatch {
  const declared = steps.every((step) => typeof step === 'object' && 'field' in step && Object.hasOwn(root.properties ?? {}, step.field));
  if (!declared || steps.length !== 1) return findCases(root, steps);
  const byField = known.get(root) ?? new Map<string, Cases>();
  known.set(root, byField);
  const field = (steps[0] as { readonly field: string }).field;
  const before = byField.get(field);
  if (before !== undefined) return before;
  const found = findCases(root, steps);
  if (!('expected' in found)) byField.set(field, found);
  return found;
}
function findCases(root: JsonSchema, steps: readonly Step[]): Cases | Mismatch {
  let cases = isAnything(root, root) ? [] : casesOf(root, [root]);
  for (const step of steps) {
    const inside = cases.flatMap((one) => childOf(one, step) ?? []);
    const isOpen = cases.length === 0 || inside.includes(true) || inside.some((one) => isAnything(root, one));
    const declared = inside.filter((one) => typeof one === 'object');
    if (!isOpen && declared.length === 0) return { expected: wrongStep(cases, step) };
    cases = isOpen ? [] : casesOf(root, declared);
  }
  return cases;
}
function casesOf(root: JsonSchema, schemas: Cases): Cases {
  return schemas.flatMap((given) => {
    const schema = resolveRef(root, given);
    const inner = alternatives(schema);
    return inner.length > 0 ? casesOf(root, inner) : [schema];
  });
}
function isAnything(root: JsonSchema, schema: boolean | JsonSchema): boolean {
  if (typeof schema === 'boolean') return schema;
  return casesOf(root, [schema]).some(
    (one) => one.type === undefined && one.enum === undefined && one.const === undefined && one.not === undefined,
  );
}
/** The schema one step inside; true means anything, undefined means not allowed. */
function childOf(schema: JsonSchema, step: Step): JsonSchema | boolean | undefined {
  if (step === 'append' || 'index' in step) {
    if (!hasType(schema, 'array')) return undefined;
    return (step === 'append' ? undefined : schema.prefixItems?.[step.index]) ?? schema.items ?? true;
  }
  if (!hasType(schema, 'object')) return undefined;
  if (Object.hasOwn(schema.properties ?? {}, step.field)) return schema.properties?.[step.field];
  return schema.additionalProperties ?? true;
}
function wrongStep(cases: Cases, step: Step): string {
  if (step === 'append' || 'index' in step) return `${kinds(cases)}, not a list`;
  const fields = [...new Set(cases.flatMap(({ properties = {} }) => Object.keys(properties)))];
  return fields.length === 0 ? `${kinds(cases)}, which has no fields` : `one of the fields ${fields.join(', ')}`;
}

function convert(cases: Cases, { operator, text, name }: Param, read: CoerceOptions['read']): Conversion {
  switch (operator) {
    case '=':
      return fromText(cases, text, name);
    case '=@':
      return fromText(cases, new TextDecoder().decode(file(text, read)), name);
    case ':=':
      return fromJson(text);
    case ':=@':
      return fromJson(new TextDecoder().decode(file(text, read)));
    case '@': {
      const takesBytes = cases.some(({ contentEncoding }) => contentEncoding === 'base64');
      return takesBytes
        ? { value: Buffer.from(file(text, read)).toString('base64') }
        : { expected: `${kinds(cases)}; for a text file write ${name}=@file` };
    }
  }
}
function file(path: string, read: CoerceOptions['read']): Uint8Array {
  if (read === undefined)
    throw new PolybError('invalid_argument', 'Files cannot be read here; give the value itself.', { reason: 'bad_parameters' });
  return read(path);
}

/** Parses JSON and rejects numbers that would lose digits. */
function fromJson(text: string): Conversion {
  let isCut = false;
  try {
    const value: unknown = JSON.parse(text, (_, part: unknown, { source }: { source?: string } = {}) => {
      if (typeof part === 'number' && /^-?\d+$/.test(source ?? '') && !Number.isSafeInteger(part)) isCut = true;
      return part;
    });
    return isCut ? { expected: 'numbers within 2^53; write a longer one as text' } : { value };
  } catch {
    return { expected: 'JSON after := (a text needs quotes, or = instead of :=)' }; // The parser's own message quotes the value.
  }
}

/** Converts text to a declared type. It stays text wherever text is allowed. */
function fromText(cases: Cases, text: string, name: string): Conversion {
  if (cases.length === 0) return { value: text };
  const values = cases.flatMap((one) => one.enum ?? (one.const === undefined ? [] : [one.const]));
  const isClosed = cases.every((one) => one.enum !== undefined || one.const !== undefined || one.type === 'null');
  const spelled = values.find((value) => String(value) === text);
  if (spelled !== undefined) return { value: spelled };
  if (isClosed && text === 'null' && cases.some(({ type }) => type === 'null')) return { value: null };
  if (isClosed && values.length > 0) return { expected: `one of ${values.join(', ')}` };
  const open = cases.filter((one) => one.enum === undefined && one.const === undefined);
  const takes = (type: string) => open.some((one) => hasType(one, type));
  if (takes('string')) return { value: text };
  if (takes('integer') && /^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))) return { value: Number(text) };
  if (takes('number') && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text)))
    return { value: Number(text) };
  if (takes('boolean') && (text === 'true' || text === 'false')) return { value: text === 'true' };
  if (takes('null') && text === 'null') return { value: null };
  if (takes('array')) return { expected: `a list: write ${name}[]=… for each item, or ${name}:=[…]` };
  if (takes('object')) return { expected: `an object: write ${name}.field=…, or ${name}:={…}` };
  return { expected: kinds(cases) };
}

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};
function kinds(cases: Cases): string {
  const types = [...new Set(cases.flatMap(({ type }) => type ?? []))].map((type) => words[type] ?? type);
  return types.length === 0 ? 'a value' : types.join(' or ');
}

/** Sets `value` in a copy of `body` where the steps lead, and creates missing containers. */
function set(body: unknown, steps: readonly Step[], value: unknown): Conversion {
  const [step, ...rest] = steps;
  if (step === undefined) return { value };
  if (step === 'append' || 'index' in step) {
    const list: unknown[] | undefined = body === undefined || body === null ? [] : Array.isArray(body) ? body : undefined;
    if (list === undefined) return { expected: 'a list before this parameter, but the body has another value there' };
    const index = step === 'append' ? list.length : step.index;
    if (index > list.length) return { expected: `index ${list.length} next; lists have no gaps` };
    const inner = set(list[index], rest, value);
    return 'expected' in inner ? inner : { value: [...list.slice(0, index), inner.value, ...list.slice(index + 1)] };
  }
  if (body !== undefined && body !== null && (typeof body !== 'object' || Array.isArray(body)))
    return { expected: 'an object before this parameter, but the body has another value there' };
  const object = (body ?? {}) as Record<string, unknown>;
  const inner = set(Object.hasOwn(object, step.field) ? object[step.field] : undefined, rest, value);
  // A computed name creates an own property for any name, even `__proto__`.
  return 'expected' in inner ? inner : { value: { ...object, [step.field]: inner.value } };
}

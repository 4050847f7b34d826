/** Masks personal data in a value before it is logged, stored or shown. */
import { z } from 'zod';
import { maskPhone, normalizePhone, type Pii } from '../../common.ts';
import { scrub } from '../scrub.ts';
import { type JsonSchema, jsonSchema } from './schema.ts';
import { alternatives, hasType, type Place, resolveRef, visit } from './walk.ts';

type Mask = (value: unknown) => unknown;
const hidden = '***';
const masks = new WeakMap<object, Mask>();

/** Paths of personal data, as data that can be stored with a value and masks it without its schema. */
export interface PiiPath {
  readonly place: Place;
  readonly pii: Pii;
}
export function piiPaths(schema: z.ZodType | JsonSchema): readonly PiiPath[] {
  const found = new Map<string, PiiPath>();
  visit(schema instanceof z.ZodType ? jsonSchema(schema, 'output') : schema, ({ pii }, place) => {
    if (pii !== undefined) found.set(`${place} ${pii}`, { place, pii });
  });
  return [...found.values()];
}

/** The texts in fields that a schema marks as personal data. */
export function personalTexts(schema: z.ZodType, value: unknown): readonly { readonly pii: Pii; readonly text: string }[] {
  const ways = waysOf.get(schema) ?? waysTo(piiPaths(schema));
  waysOf.set(schema, ways);
  return textsAt(ways, value);
}
const waysOf = new WeakMap<z.ZodType, readonly Way[]>();

/**
 * A copy of `value` without personal data: phones as +7999***3322, names as their first letter, texts and audio as their length.
 * Phones and credentials are removed from other texts, since people write them anywhere. Data outside the schema (an unknown field, JSON of
 * another contract, text in place of a number) becomes ***. Given paths instead of a schema, only values at those paths are masked.
 */
export function mask(by: z.ZodType | JsonSchema | readonly PiiPath[], value: unknown): unknown {
  const made = masks.get(by) ?? makeMask(by);
  masks.set(by, made);
  return made(value);
}
function makeMask(by: z.ZodType | JsonSchema | readonly PiiPath[]): Mask {
  if (isPaths(by)) {
    const ways = waysTo(by);
    return (value) => hideAt(ways, value);
  }
  const schema = by instanceof z.ZodType ? jsonSchema(by, 'output') : by;
  return maskFor(schema, schema, new Map());
}
function isPaths(by: object): by is readonly PiiPath[] {
  return Array.isArray(by);
}

interface Way {
  readonly steps: readonly string[];
  readonly pii: Pii;
}
function waysTo(paths: readonly PiiPath[]): readonly Way[] {
  return paths.map(({ place, pii }) => ({ steps: place.split('/').slice(1), pii }));
}
/** The paths that continue below a field or a list item. */
function waysBelow(ways: readonly Way[], name: string): readonly Way[] {
  return ways.filter(({ steps }) => steps[0] === name || steps[0] === '*').map(({ steps, pii }) => ({ steps: steps.slice(1), pii }));
}
function textsAt(ways: readonly Way[], value: unknown): readonly { readonly pii: Pii; readonly text: string }[] {
  if (ways.length === 0 || value instanceof Uint8Array) return [];
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, inner]) => textsAt(waysBelow(ways, name), inner));
  const here = ways.find(({ steps }) => steps.length === 0);
  return here === undefined || typeof value !== 'string' ? [] : [{ pii: here.pii, text: value }];
}
function hideAt(ways: readonly Way[], value: unknown): unknown {
  const here = ways.find(({ steps }) => steps.length === 0);
  if (here !== undefined) return hide(here.pii, value);
  if (ways.length === 0 || typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const child = (name: string, inner: unknown): unknown => hideAt(waysBelow(ways, name), inner);
  if (Array.isArray(value)) return value.map((inner, index) => child(String(index), inner));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, child(name, inner)]));
}

/** `made` holds masks under construction, so that a recursive schema ends. */
function maskFor(root: JsonSchema, given: JsonSchema, made: Map<JsonSchema, { mask: Mask }>): Mask {
  const schema = resolveRef(root, given);
  const before = made.get(schema);
  if (before !== undefined) return (value) => before.mask(value);
  const cell = { mask: (): unknown => hidden } as { mask: Mask };
  made.set(schema, cell);
  cell.mask = build(root, schema, made);
  return cell.mask;
}

function build(root: JsonSchema, schema: JsonSchema, made: Map<JsonSchema, { mask: Mask }>): Mask {
  const { pii } = schema;
  if (pii !== undefined) return (value) => hide(pii, value);
  const cases = alternatives(schema).map((one) => resolveRef(root, one));
  if (cases.length > 0) return either(root, cases, made);
  const properties = new Map(Object.entries(schema.properties ?? {}).map(([name, child]) => [name, maskFor(root, child, made)]));
  const others = typeof schema.additionalProperties === 'object' ? maskFor(root, schema.additionalProperties, made) : () => hidden;
  const first = (schema.prefixItems ?? []).map((item) => maskFor(root, item, made));
  const items = typeof schema.items === 'object' ? maskFor(root, schema.items, made) : () => hidden;
  const isText =
    hasType(schema, 'string') || typeof schema.const === 'string' || (schema.enum ?? []).some((one) => typeof one === 'string');
  const isBytes = schema.contentEncoding !== undefined;
  return (value) => {
    if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) return value;
    if (isBytes) return hide('audio', value);
    if (typeof value === 'string') return isText ? scrub(value) : hidden;
    if (Array.isArray(value)) return hasType(schema, 'array') ? value.map((item, index) => (first[index] ?? items)(item)) : hidden;
    if (!hasType(schema, 'object') || typeof value !== 'object') return hidden;
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => {
        const known = properties.get(name);
        return known === undefined ? [scrub(name), others(child)] : [name, known(child)];
      }),
    );
  };
}

/** Personal data in one case counts in all cases; objects and lists among the cases are merged. */
function either(root: JsonSchema, cases: readonly JsonSchema[], made: Map<JsonSchema, { mask: Mask }>): Mask {
  const flat = cases.flatMap((one) => {
    const inner = alternatives(one).map((deeper) => resolveRef(root, deeper));
    return inner.length > 0 ? inner : [one];
  });
  const pii = flat.find((one) => one.pii !== undefined)?.pii;
  if (pii !== undefined) return (value) => hide(pii, value);
  const together = (pick: (one: JsonSchema) => readonly (readonly [string, JsonSchema])[]) => {
    const byName = Map.groupBy(flat.flatMap(pick), ([name]) => name);
    return Object.fromEntries(
      [...byName].map(([name, all]) => [name, all.length === 1 ? all[0]?.[1] : { anyOf: all.map(([, one]) => one) }]),
    );
  };
  const properties = together((one) => Object.entries(one.properties ?? {}));
  const { items, others } = together((one) => [
    ...(typeof one.items === 'object' ? [['items', one.items] as const] : []),
    ...(typeof one.additionalProperties === 'object' ? [['others', one.additionalProperties] as const] : []),
  ]);
  const types = [...new Set(flat.flatMap((one) => one.type ?? [typeof (one.const ?? one.enum?.[0])]))];
  const merged = {
    type: types,
    properties,
    ...(items ? { items } : {}),
    ...(others ? { additionalProperties: others } : {}),
  } as JsonSchema;
  return build(root, merged, made);
}

function hide(pii: Pii, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (value instanceof Uint8Array) return `${hidden} (${value.length} bytes)`;
  if (Array.isArray(value)) return value.map((item) => hide(pii, item));
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, hide(pii, child)]));
  if (typeof value !== 'string') return hidden;
  switch (pii) {
    case 'phone':
      return maskPhone(normalizePhone(value));
    case 'name':
      return `${[...value][0] ?? ''}${hidden}`;
    case 'text':
    case 'audio':
      return `${hidden} (${value.length} chars)`;
  }
}

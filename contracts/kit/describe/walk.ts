/** Finds unbounded and loose places in a schema. Loads no package: the command line uses it. */
import type { JsonSchema } from './schema.ts';

/** A place in a value, `/phones/*`: `*` is any item of a list or any key of a record. */
export type Place = string;
export interface Finding {
  readonly place: Place;
  readonly what: string;
}
/** An unbounded repetition in a pattern. */
const endless = /[*+]|\{\d+,\}/;

/** Calls `seen` for each nested schema, with its place; a recursive schema is reported once with `again`. */
export function visit(root: JsonSchema, seen: (schema: JsonSchema, place: Place, again: boolean) => void): void {
  const walk = (given: JsonSchema, place: Place, above: readonly JsonSchema[]): void => {
    const schema = resolveRef(root, given);
    const again = above.includes(schema);
    seen(schema, place, again);
    if (again) return;
    const chain = [...above, schema];
    for (const [name, child] of Object.entries(schema.properties ?? {})) walk(child, `${place}/${name}`, chain);
    for (const child of [schema.additionalProperties, schema.items]) if (isDeclared(child)) walk(child, `${place}/*`, chain);
    for (const [index, child] of (schema.prefixItems ?? []).entries()) walk(child, `${place}/${index}`, chain);
    for (const child of alternatives(schema)) walk(child, place, chain);
  };
  walk(root, '', []);
}

/** False for `{}`, which means the same as true. */
function isDeclared(child: boolean | JsonSchema | undefined): child is JsonSchema {
  return typeof child === 'object' && Object.keys(child).length > 0;
}

export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
}

/** The schema that a local `$ref` names, or the schema itself. */
export function resolveRef(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  if (schema.$ref === '#') return root;
  const name = schema.$ref.replace('#/$defs/', '');
  const target = root.$defs?.[name];
  if (target === undefined) throw new TypeError(`${schema.$ref} names no schema here; expected # or #/$defs/<name>`);
  return resolveRef(root, target);
}

export function hasType(schema: JsonSchema, type: string): boolean {
  return Array.isArray(schema.type) ? schema.type.includes(type) : schema.type === type;
}

/** Places where a value may have any size. */
export function unbounded(schema: JsonSchema): readonly Finding[] {
  const found: Finding[] = [];
  visit(schema, (part, place, again) => {
    const what = again ? 'a schema that contains itself: its depth has no bound' : unboundedPart(part);
    if (what !== undefined) found.push({ place, what });
  });
  return found;
}

function unboundedPart(part: JsonSchema): string | undefined {
  if (part.enum !== undefined || part.const !== undefined || part.bounded) return undefined;
  if (hasType(part, 'string')) {
    const isFixed = part.format !== undefined && part.pattern !== undefined && !endless.test(part.pattern);
    return part.maxLength === undefined && !isFixed ? 'a string without .max()' : undefined;
  }
  if (hasType(part, 'array')) {
    const isTuple = part.prefixItems !== undefined && (part.items === undefined || part.items === false);
    return part.maxItems === undefined && !isTuple ? 'an array without .max()' : undefined;
  }
  if (hasType(part, 'object')) {
    const isOpen = part.additionalProperties === true || typeof part.additionalProperties === 'object';
    const isFixed = part.propertyNames?.enum !== undefined || part.propertyNames?.const !== undefined;
    return isOpen && !isFixed && part.maxProperties === undefined ? 'a record without .meta({ maxProperties })' : undefined;
  }
  const saysNothing = part.type === undefined && part.not === undefined && alternatives(part).length === 0;
  return saysNothing ? 'any value at all; use Json of common.ts, or name the type in .meta()' : undefined;
}

/** Places of an input where an unknown field would be accepted or dropped silently. */
export function looseObjects(input: JsonSchema): readonly Finding[] {
  const found: Finding[] = [];
  visit(input, (part, place) => {
    if (hasType(part, 'object') && part.additionalProperties !== false && !isDeclared(part.additionalProperties))
      found.push({ place, what: 'an object that is not strict; use z.strictObject' });
  });
  return found;
}

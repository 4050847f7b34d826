/** JSON Schema 2020-12 of inputs and outputs of contracts. */
import { z } from 'zod';
import type { Pii } from '../../common.ts';
import { canonical } from '../canonical.ts';
import type { Entry } from '../define.ts';

/**
 * The keywords that contracts use. `pii` is the kind of personal data; `bounded` allows any JSON of bounded size;
 * `open` marks a name whose values are not listed: readers expect ones that they do not know; `editable` lists the input fields that a person may edit while the row waits for approval.
 */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: boolean | JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly deprecated?: boolean;
  readonly pii?: Pii;
  readonly editable?: readonly string[];
  readonly bounded?: boolean;
  readonly open?: boolean;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}
/** `input`: accepted from a caller, defaults not required. `output`: returned to a caller. */
export type View = 'input' | 'output';

const known = { input: new WeakMap<z.ZodType, JsonSchema>(), output: new WeakMap<z.ZodType, JsonSchema>() };

export function jsonSchema(schema: z.ZodType, view: View): JsonSchema {
  const before = known[view].get(schema);
  if (before !== undefined) return before;
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io: view, unrepresentable: 'any', override: (at) => tidy(at) });
  const made2020 = made as JsonSchema;
  known[view].set(schema, made2020);
  return made2020;
}

/**
 * Adapts the output of zod: a record of known names becomes an object. Removes details that readers do not need: closed replies,
 * formats repeated as patterns, and integer bounds of 2^53.
 */
function tidy({ zodSchema, jsonSchema: made }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (zodSchema._zod.def.type === 'object' && zodSchema._zod.def.catchall === undefined && made.additionalProperties === false)
    delete made.additionalProperties;
  const { enum: names } = (made.propertyNames ?? {}) as z.core.JSONSchema.BaseSchema;
  // A record of known names is an object of those fields; as a record, its required names would not be defined.
  if (Array.isArray(names) && made.required !== undefined) {
    made.properties = Object.fromEntries(names.map((name) => [name, made.additionalProperties as z.core.JSONSchema.BaseSchema]));
    made.additionalProperties = false;
    delete made.propertyNames;
  }
  if (made.format === 'date-time' || made.format === 'email') delete made.pattern;
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
  if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
}

/** The parts of an entry by name, from the caller's point of view. */
export function partsOf(entry: Entry): Readonly<Record<string, { readonly schema: JsonSchema; readonly view: View }>> {
  const part = (schema: z.ZodType, view: View) => ({ schema: jsonSchema(schema, view), view });
  switch (entry.kind) {
    case 'method':
      return { input: part(entry.input, 'input'), output: part(entry.output, 'output') };
    case 'stream':
      return { input: part(entry.input, 'input'), up: part(entry.up, 'input'), down: part(entry.down, 'output') };
    case 'event':
      return { payload: part(entry.payload, 'output') };
  }
}

/** 16 hex digits over the schemas of an entry. Instances with different hashes have different schemas for the same address. */
export function schemaHash(entry: Entry): string {
  return fnv1a64(canonical(partsOf(entry)));
}

/** FNV-1a, 64 bits: distinguishes schemas, gives no protection. */
function fnv1a64(text: string): string {
  const hash = new TextEncoder()
    .encode(text)
    .reduce((sum, byte) => ((sum ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn, 0xcbf29ce484222325n);
  return hash.toString(16).padStart(16, '0');
}

/** A schema as a table of fields. */

import { alternatives } from '../../../contracts/kit/describe/walk.ts';
import type { JsonSchema } from '../../../contracts/kit/describe.ts';
import { code, table } from './page.ts';

export function fieldTable(schema: JsonSchema): string | undefined {
  return table(
    ['field', 'type', 'required', 'description'],
    rowsOf(schema, '').map(({ name, of, isRequired }) => [code(name), typeText(of), isRequired ? 'yes' : '', notes(of)]),
  );
}
interface Row {
  readonly name: string;
  readonly of: JsonSchema;
  readonly isRequired: boolean;
}

/** Fields inside fields stand behind a dot, fields of items behind `[]`. */
function rowsOf(schema: JsonSchema, above: string): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, of]) => {
    const name = `${above}${field}`;
    const item = typeof of.items === 'object' ? of.items : undefined;
    const inner = alternatives(of).find(({ properties }) => properties !== undefined) ?? of;
    return [
      { name, of, isRequired: schema.required?.includes(field) ?? false },
      ...rowsOf(inner, `${name}.`),
      ...(item === undefined ? [] : rowsOf(item, `${name}[].`)),
    ];
  });
}

export function typeText(schema: JsonSchema): string {
  const cases = alternatives(schema);
  if (cases.length > 0) return [...new Set(cases.map(typeText))].join(' or ');
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((one) => code(String(one))).join(', ');
  const type = [schema.type ?? 'any JSON'].flat().join(' or ');
  switch (type) {
    case 'string':
      return schema.contentEncoding === undefined
        ? `${schema.format ?? 'text'}${range(schema.minLength, schema.maxLength)}`
        : 'bytes, base64';
    case 'array':
      return `list${range(schema.minItems, schema.maxItems)} of ${typeof schema.items === 'object' ? typeText(schema.items) : 'any JSON'}`;
    case 'object':
      return typeof schema.additionalProperties === 'object' ? `record of ${typeText(schema.additionalProperties)}` : 'object';
    case 'integer':
    case 'number':
      return `${type}${range(schema.minimum, schema.maximum)}`;
    default:
      return type;
  }
}
function range(least: number | undefined, most: number | undefined): string {
  if (least === undefined && most === undefined) return '';
  return ` ${least ?? ''}…${most ?? ''}`;
}
function notes({ description, default: fallback, pii, pattern, examples = [] }: JsonSchema): string {
  return [
    description,
    pattern === undefined || pattern.length > 60 ? undefined : `Pattern ${code(pattern)}.`,
    fallback === undefined ? undefined : `Default ${code(JSON.stringify(fallback))}.`,
    examples.length === 0 ? undefined : `E.g. ${examples.map((one) => code(JSON.stringify(one))).join(', ')}.`,
    pii === undefined ? undefined : `Personal (${pii}).`,
  ]
    .filter((note) => note !== undefined)
    .join(' ');
}

/** `polyb describe`: a method's page in the terminal, made from its contract. */

import { deprecationText } from '../../../contracts/kit/deprecation.ts';
import type { EntryFact, JsonSchema } from '../../../contracts/kit/describe.ts';
import { codes, httpOf } from '../../../contracts/kit/errors.ts';
import { catalogueOfCode, readCatalogue } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { lazyBus, resolveTarget } from '../kernel/method.ts';
import type { Output } from '../kernel/output.ts';
import { drawTable } from '../kernel/text.ts';

export async function describe(invocation: Invocation): Promise<number> {
  const { args, flags, out } = invocation;
  const [typed] = args;
  if (typed === undefined)
    throw wrongUsage('expected an address, e.g. crm.push_to_crm', { subject: 'describe', next: ['polyb list --methods'] });
  await using line = lazyBus(invocation);
  const entry = (await other(typed)) ?? (await resolveTarget(typed, flags.on('cached') ? undefined : line.get)).entry;
  if (flags.on('template')) await out.result(template(entry), { text: () => JSON.stringify(template(entry), null, 2) });
  else if (flags.on('schema')) {
    const { input, output, up, down, payload } = entry;
    await out.result({
      ...(input && { input }),
      ...(output && { output }),
      ...(up && { up }),
      ...(down && { down }),
      ...(payload && { payload }),
    });
  } else await out.result(entry, { text: () => page(entry, out) });
  return 0;
}

/** Streams and events are described too, though not called. */
async function other(typed: string): Promise<EntryFact | undefined> {
  const entry = (await readCatalogue()).entries[typed] ?? (typed.includes('.') ? (await catalogueOfCode()).entries[typed] : undefined);
  return entry?.kind === 'method' ? undefined : entry;
}

/** `polyb call ADDRESS --help`: from the contracts alone, so that it needs no bus. */
export async function describeOffline(address: string, out: Output): Promise<string> {
  return page((await resolveTarget(address)).entry, out);
}

export function page(entry: EntryFact, out: Pick<Output, 'paint'>): string {
  const { address, version, summary, kind, idempotency, timeoutMs, reaches, roles, deprecated, http } = entry;
  const policy = [
    kind === 'method' ? idempotencyText[idempotency ?? 'read'] : kind,
    ...(timeoutMs === undefined ? [] : [`replies within ${timeoutMs / 1000} s`]),
    ...(reaches === undefined ? [] : ['reaches a customer']),
    ...(roles === undefined ? [] : [`only for ${roles.join(', ')}`]),
  ].join(' · ');
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${out.paint('bold', title)}\n${lines.map((line) => `  ${line}`).join('\n')}`];
  return [
    `${out.paint('bold', address)}  v${version}\n${summary}\n${policy}${deprecated === undefined ? '' : `\nDEPRECATED: ${deprecationText(deprecated)}`}`,
    ...section('INPUT', fieldLines(entry.input, true)),
    ...section('OUTPUT', fieldLines(entry.output, false)),
    ...section('PAYLOAD', fieldLines(entry.payload, false)),
    ...section('SENDS', fieldLines(entry.up, false)),
    ...section('RECEIVES', fieldLines(entry.down, false)),
    ...section(
      'ERRORS',
      Object.entries(entry.errors ?? {}).map(
        ([reason, code]) => `${reason}  (${code}, exit ${codes[code].exit}, HTTP ${httpOf(code, reason)})`,
      ),
    ),
    ...section('SUBJECT', [`polyb.${kind === 'event' ? 'evt' : 'rpc'}.${address}`, ...(http === undefined ? [] : [http.route])]),
    ...section('EXAMPLE', exampleLines(entry)),
  ].join('\n\n');
}

const idempotencyText = {
  read: 'changes nothing',
  idempotent: 'may be repeated',
  keyed: 'a repeat with the same key returns the stored reply',
} as const;

/** Fields of an object, with those of objects inside it under their path. */
function fieldLines(schema: JsonSchema | undefined, isInput: boolean): readonly string[] {
  if (schema === undefined) return [];
  const rows = rowsOf(schema, '', isInput);
  if (rows.length === 0) return [];
  const columns = isInput ? ['FIELD', 'TYPE', 'NEEDED', 'MEANING'] : ['FIELD', 'TYPE', 'MEANING'];
  return drawTable({
    columns,
    rows: rows.map(({ name, type, needed, meaning }) => (isInput ? [name, type, needed, meaning] : [name, type, meaning])),
  }).split('\n');
}

function rowsOf(schema: JsonSchema, above: string, isInput: boolean): { name: string; type: string; needed: string; meaning: string }[] {
  const required = schema.required ?? [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${above}${name}`;
    const fallback = field.default === undefined ? '' : `default ${JSON.stringify(field.default)}`;
    const [example] = field.examples ?? [];
    const meaning = [field.description, ...(isInput && example !== undefined ? [`e.g. ${String(example)}`] : [])]
      .filter((part) => part !== undefined)
      .join('; ');
    const row = { name: path, type: typeText(field), needed: required.includes(name) ? 'yes' : fallback, meaning };
    const isNested = field.properties !== undefined && above.split('.').length < 3;
    return isNested ? [row, ...rowsOf(field, `${path}.`, isInput)] : [row];
  });
}

function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join('|');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const inner = schema.anyOf ?? schema.oneOf;
  if (inner !== undefined) return [...new Set(inner.map(typeText))].join(' or ');
  if (schema.contentEncoding !== undefined) return 'bytes';
  if (schema.pii === 'phone') return 'phone';
  if (schema.format === 'date-time') return 'time';
  if (schema.type === 'array') return `${typeof schema.items === 'object' ? typeText(schema.items) : 'any'}[]`;
  return schema.type === undefined ? 'any' : [schema.type].flat().join(' or ');
}

function exampleLines({ address, kind, examples = [], input }: EntryFact): readonly string[] {
  if (kind === 'event') return [`polyb listen ${address}`];
  if (kind !== 'method') return [];
  const [example] = examples;
  const fields = Object.entries((example ?? template({ input } as EntryFact)) as Record<string, unknown>);
  return [`polyb call ${address}${fields.map(([name, value]) => ` ${paramOf(name, value)}`).join('')}`];
}
function paramOf(name: string, value: unknown): string {
  const isText = typeof value === 'string';
  const text = isText ? value : JSON.stringify(value);
  const quoted = /^[\p{L}\p{N}_+.:/@%-]*$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  return `${name}${isText ? '=' : ':='}${quoted}`;
}

/** An input with every required field, taken from examples where there are any. */
export function template({ examples = [], input }: Pick<EntryFact, 'examples' | 'input'>): unknown {
  return examples[0] ?? (input === undefined ? {} : skeleton(input));
}
function skeleton(schema: JsonSchema): unknown {
  const given = schema.default ?? schema.examples?.[0] ?? schema.const ?? schema.enum?.[0];
  if (given !== undefined) return given;
  const inner = (schema.anyOf ?? schema.oneOf)?.[0];
  if (inner !== undefined) return skeleton(inner);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((name) => [name, skeleton(schema.properties?.[name] ?? {})]));
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'string':
      return schema.format === 'date-time' ? '2026-01-31T10:00:00.000Z' : '…';
    default:
      return null;
  }
}

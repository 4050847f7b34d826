/** The input of a call: -d, name=value items, older bodies, and what the schema says of missing and unknown fields. */
import { readFileSync } from 'node:fs';
import { coerce } from '../../../contracts/kit/coerce.ts';
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { type FieldIssue, isPolybError } from '../../../contracts/kit/errors.ts';
import { resolve } from '../../../contracts/kit/legacy-body.ts';
import type { Catalogue } from './catalogue.ts';
import { advise, refusal, wrongUsage } from './failure.ts';
import { nearest } from './nearest.ts';

/** The text that -d names: `-` is standard input, `@file` a file. Standard input is read here and nowhere else unasked. */
export async function readText(given: string, subject: string): Promise<string> {
  try {
    if (given === '-' || given === '@-') return await allOfStdin();
    return given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given;
  } catch (error) {
    throw unreadable(given.replace(/^@/, ''), error, subject);
  }
}
export function unreadable(file: string, error: unknown, subject: string): Error {
  return wrongUsage(`cannot read ${file}: ${(error as { code?: string } | null)?.code ?? String(error)}`, { subject });
}

async function allOfStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export function parseJson(text: string, subject: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const what = text.trim() === '' ? 'nothing' : String((error as Error).message);
    throw refusal('invalid_argument', `${where}: expected JSON; got ${what}`, { subject });
  }
}

/** Builds and checks one input. Values are judged by the service; here only what is missing, unknown or of another type is found. */
export function makeInput(
  { catalogue, entry, typed }: { readonly catalogue: Catalogue; readonly entry: EntryFact; readonly typed: string },
  body: unknown,
  params: readonly string[],
): unknown {
  const shaped = resolve(catalogue.aliases, catalogue.aliases.some(({ from }) => from === typed) ? typed : entry.address, body).body;
  const schema = entry.input ?? {};
  const next = [`polyb describe ${entry.address}`, `polyb describe ${entry.address} --template    prints a template of the input`];
  try {
    const input = coerce(schema, params, { body: shaped, read: (path) => readBytes(path, entry.address) });
    const issues = fieldIssues(entry, input);
    if (issues.length > 0)
      throw refusal('invalid_argument', 'the input does not fit the contract', { subject: entry.address, issues, next });
    return input;
  } catch (error) {
    throw isPolybError(error) ? advise(error, { subject: entry.address, effect: 'nothing_sent', next }) : error;
  }
}

function readBytes(path: string, subject: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error, subject);
  }
}

function fieldIssues({ input: schema }: EntryFact, input: unknown): readonly FieldIssue[] {
  if (schema?.properties === undefined || schema.type !== 'object') return [];
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return [{ pointer: '', expected: 'an object', given: Array.isArray(input) ? 'a list' : typeof input }];
  }
  const names = Object.keys(schema.properties);
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(input, name));
  const unknown = schema.additionalProperties === false ? Object.keys(input).filter((name) => !names.includes(name)) : [];
  return [
    ...missing.map((name) => ({ pointer: `/${name}`, expected: kindOf(schema.properties?.[name]), given: 'nothing' })),
    ...unknown.map((name) => {
      const [close] = nearest(name, names);
      return {
        pointer: `/${name}`,
        expected: close === undefined ? `one of ${names.join(', ')}` : `${close}?`,
        given: 'a field that the method does not have',
      };
    }),
  ];
}

/** `E.164, e.g. +79995553322` is the service's to say; here the type and an example. */
function kindOf(schema: NonNullable<EntryFact['input']> | undefined): string {
  const [example] = schema?.examples ?? [];
  const type = schema?.enum === undefined ? [schema?.type ?? 'a value'].flat().join(' or ') : schema.enum.join(', ');
  return example === undefined ? type : `${type}, e.g. ${typeof example === 'string' ? example : JSON.stringify(example)}`;
}

/** Calls of the journal's methods, and their answers' shapes. */
import { userInfo } from 'node:os';
import type { z } from 'zod';
import type { JournalRow } from '../../../../contracts/journal.ts';
import type { EntryFact } from '../../../../contracts/kit/describe.ts';
import { isPolybError } from '../../../../contracts/kit/errors.ts';
import { callable, readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { type Connected, connect } from '../../kernel/connect.ts';
import { advise, refusal, wrongUsage } from '../../kernel/failure.ts';
import { explain } from '../../kernel/method.ts';

export type Row = z.output<typeof JournalRow>;
export type RowHead = Pick<
  Row,
  | 'id'
  | 'method'
  | 'key'
  | 'mode'
  | 'state'
  | 'step'
  | 'runId'
  | 'attempts'
  | 'reason'
  | 'error'
  | 'notBefore'
  | 'waitsFor'
  | 'behind'
  | 'createdAt'
  | 'updatedAt'
>;
export interface Page {
  readonly items: readonly RowHead[];
  readonly nextCursor: string | null;
}

export type Ask = <R>(name: string, input: object) => Promise<R>;

/** Kept in the audit beside the operator's role; two people at two desks are two. */
export const here = () => ({ onBehalfOf: userInfo().username });

export async function journalEntry(name: string): Promise<EntryFact> {
  const entry = (await readCatalogue()).entries[`journal.${name}`];
  if (entry === undefined)
    throw refusal('unimplemented', `these contracts have no journal.${name}`, { subject: 'journal', next: ['polyb docs build'] });
  return entry;
}

/** One question to the journal. The service validates its answer against the contract, so its shape is what `T` says. */
export async function askJournal<T>(
  { bus }: Connected,
  name: string,
  input: object,
  { flags, signal }: Pick<Invocation, 'flags' | 'signal'>,
): Promise<T> {
  const entry = await journalEntry(name);
  try {
    return (await bus.request(callable(entry), input, { signal, timeoutMs: flags.ms('timeout') })) as T;
  } catch (error) {
    if (!isPolybError(error)) throw error;
    const told = explain(error, entry, undefined);
    const { id } = input as { readonly id?: unknown };
    throw typeof id === 'string' && error.reason !== 'no_responders'
      ? advise(told, { subject: id, ...nextFor(error.code, error.reason) })
      : told;
  }
}
function nextFor(code: string, reason: string | undefined): { next?: readonly string[] } {
  if (code === 'not_found') return { next: ['polyb runs ls', 'polyb dlq ls', 'polyb reviews ls', 'polyb approvals ls'] };
  if (reason === 'hash_mismatch' || reason === 'stale') return { next: ['polyb approvals show ID    shows its current state'] };
  return {};
}

export async function withJournal<T>(
  invocation: Invocation,
  work: (ask: Ask, connected: Connected) => Promise<T>,
  options?: { readonly lasting: boolean },
): Promise<T> {
  await using connected = await connect(invocation, options);
  return await work((name, input) => askJournal(connected, name, input, invocation), connected);
}

/** The one id that a command takes. */
export function idOf({ args, path }: Invocation): string {
  const [id] = args;
  if (id === undefined) throw wrongUsage('expected an id', { subject: path, next: [`polyb ${path.split(' ')[0]} ls`] });
  if (id.length < 6) throw wrongUsage(`expected at least 6 characters of the id; got ${id.length}`, { subject: path });
  return id;
}
/** `--why`, as the field of an input. */
export function whyOf({ flags }: Pick<Invocation, 'flags'>): { why?: string } {
  const why = flags.text('why');
  return why === undefined ? {} : { why };
}
/** A row's whole id for a beginning of it. */
export async function wholeId(ask: Ask, id: string): Promise<string> {
  return (await ask<Row>('get', { id })).id;
}

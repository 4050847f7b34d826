/** What every command that calls a method shares: finding it, its input, asking before a customer is reached, explaining a failure. */
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Catalogue, catalogueOfCode, findMethod, readCatalogue } from './catalogue.ts';
import type { Invocation } from './command.ts';
import { type Connected, connect } from './connect.ts';
import { advise } from './failure.ts';
import { makeInput, parseJson, readText } from './input.ts';
import { spanMs } from './text.ts';

export interface Target {
  readonly catalogue: Catalogue;
  readonly entry: EntryFact;
  readonly typed: string;
}

/** Connects when first asked to, again when that failed, and closes what was opened. */
export function lazyBus(invocation: Invocation, options?: { readonly lasting: boolean }): AsyncDisposable & { get(): Promise<Connected> } {
  let opened: Promise<Connected> | undefined;
  return {
    get: () => {
      opened ??= connect(invocation, options).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
    [Symbol.asyncDispose]: async () => {
      // A connection that failed has told so to whoever asked for it.
      const connected = await opened?.catch(() => undefined);
      await connected?.[Symbol.asyncDispose]();
    },
  };
}

/** Looks in contracts.json, in the contracts of the code, and with `line` on the bus. */
export async function resolveTarget(typed: string, line?: () => Promise<Connected>): Promise<Target> {
  const bus = line && (async (service: string) => (await import('./discover.ts')).askSchema(await line(), service));
  const { catalogue, entry } = await findMethod(await readCatalogue(), typed, { code: catalogueOfCode, bus });
  return { catalogue, entry, typed };
}

/** A target with its input. Where the input does not fit contracts.json, the contract of the code decides: it may be newer. */
export async function fitInput(target: Target, body: unknown, params: readonly string[]): Promise<Target & { readonly input: unknown }> {
  try {
    return { ...target, input: makeInput(target, body, params) };
  } catch (error) {
    const catalogue = await catalogueOfCode();
    const entry = catalogue.entries[target.entry.address];
    if (entry === undefined || entry.hash === target.entry.hash) throw error;
    const newer = { ...target, catalogue, entry };
    return { ...newer, input: makeInput(newer, body, params) };
  }
}

export async function bodyFrom(data: string | undefined, subject: string): Promise<unknown> {
  if (data === undefined) return undefined;
  return parseJson(await readText(data, subject), subject, data.startsWith('@') || data === '-' ? data.replace(/^@/, '') : '-d');
}

/** A customer is reached only knowingly; what the simulator dials is no customer. */
export async function allowReach({ out, signal, env }: Invocation, entry: EntryFact, times = 1): Promise<void> {
  if (entry.reaches !== 'customer' || out.assumeYes) return;
  const { lookup, openSources } = await import('../../../config/env.ts');
  if (byPhone.has(entry.service) && isSimulated(lookup('TELEPHONY_KIND', openSources({ env })))) return;
  const { confirm } = await import('./confirm.ts');
  await confirm(`${entry.address} reaches ${times === 1 ? 'a customer' : `up to ${times} customers`}`, {
    out,
    signal,
    subject: entry.address,
  });
}
/** Contracts that reach customers by phone alone, whom a simulated gateway does not call. */
const byPhone: ReadonlySet<string> = new Set(['calls', 'telephony', 'pipelines']);
function isSimulated(kind: string | undefined): boolean {
  return kind === undefined || kind === 'simulator';
}

export function newKey(): string {
  return crypto.randomUUID();
}

/** The error with what to type next. */
export function explain(error: PolybError, entry: EntryFact, key: string | undefined, ms?: number): PolybError {
  const { address } = entry;
  const row = rowOf(error);
  const again = key === undefined ? [] : [`polyb call ${address} … --idempotency-key ${key}    repeats it safely: the same key`];
  const lookAt = row === undefined ? [] : [lookAtRow(row)];
  switch (true) {
    case error.reason === 'pending':
      return advise(error, { subject: address, next: [...lookAt, ...again] });
    case error.reason === 'no_responders':
      return advise(named(error, `no instance serves ${address} now`), {
        subject: address,
        effect: 'nothing_sent',
        next: [
          'polyb list',
          `polyb status    shows whether ${entry.service} is running`,
          ...('roles' in entry && entry.roles !== undefined
            ? [
                `NATS_USER=${entry.roles[0]}    ${address} accepts only ${entry.roles.join(', ')}; without a user the command line is a guest`,
              ]
            : []),
        ],
      });
    case error.code === 'invalid_argument':
      return advise(error, { subject: address, next: [`polyb describe ${address}`] });
    case error.code === 'deadline_exceeded':
      return advise(named(error, `no reply in ${spanMs(ms ?? 0)}`), {
        subject: address,
        next: [...lookAt, ...again, ...(key === undefined ? [`polyb call ${address} … --timeout 30s`] : [])],
      });
    case error.outcome === 'unknown':
      return advise(error, { subject: address, next: [...lookAt, ...again] });
    // One with a reason is the method's own refusal, about which the rights on the bus say nothing.
    case (error.code === 'permission_denied' && error.reason === undefined) || error.code === 'unauthenticated':
      return advise(error, { subject: address, next: ['polyb permissions'] });
    case error.code === 'internal':
      return advise(error, { subject: address, next: ['polyb logs --level error --since 5m'] });
    default:
      return advise(error, { subject: address, next: error.retryable ? again : [] });
  }
}

/** The same failure in words that fit a command line. */
function named(error: PolybError, message: string): PolybError {
  const { reason, data, retryAfterMs, outcome } = error;
  return new PolybError(error.code, message, { reason, data, retryAfterMs, outcome, cause: error });
}

interface RowHint {
  readonly rowId: string;
  readonly state: string | undefined;
}
/** The journal's row that an error names. */
function rowOf(error: PolybError): RowHint | undefined {
  const { rowId, state } = (typeof error.data === 'object' && error.data !== null ? error.data : {}) as {
    rowId?: unknown;
    state?: unknown;
  };
  return typeof rowId === 'string' ? { rowId, state: typeof state === 'string' ? state : undefined } : undefined;
}
function lookAtRow({ rowId, state }: RowHint): string {
  if (state === 'proposed') return `polyb approvals show ${rowId}    it waits for approval`;
  if (state === 'review') return `polyb reviews show ${rowId}    a person decides`;
  return `polyb runs watch ${rowId}    follows it until it ends`;
}

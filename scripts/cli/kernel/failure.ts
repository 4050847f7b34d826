/**
 * How a failure is told: line 1 says what it was about and what happened, then the field or the cause,
 * then whether it was executed, then what to type next.
 */
import { type Code, type FieldIssue, PolybError } from '../../../contracts/kit/errors.ts';

const effects = {
  nothing_sent: 'nothing was sent',
  nothing_done: 'nothing was done',
  executed: 'it was executed',
  not_executed: 'it was not executed',
  unknown: 'it MAY have been executed',
} as const;

/** What only the command line knows about a failure. */
export interface Advice {
  /** What it was about, `crm.push_to_crm`. */
  readonly subject?: string;
  readonly issues?: readonly FieldIssue[];
  /** Names that are nearest to an unknown one. */
  readonly close?: readonly string[];
  /** Was anything sent? Decides the words; by default the error's own outcome does. */
  readonly effect?: keyof typeof effects;
  /** Lines to type next, each a command and, after two spaces, why. */
  readonly next?: readonly string[];
  /** Stands beside the problem under --envelope. */
  readonly meta?: object;
}
const advice = new WeakMap<Error, Advice>();

/** The same error, with advice added to what is known already. */
export function advise<E extends Error>(error: E, more: Advice): E {
  advice.set(error, { ...advice.get(error), ...more });
  return error;
}
/** A failure found before anything was sent. */
export function refusal(code: Code, message: string, more: Advice & { readonly reason?: string } = {}): PolybError {
  const { reason, ...rest } = more;
  const data = {
    ...(rest.issues && { issues: rest.issues }),
    ...(rest.close && { close: rest.close }),
    ...(rest.next && { next: rest.next }),
  };
  const error = new PolybError(code, message, { reason, outcome: 'not_executed', ...(Object.keys(data).length > 0 && { data }) });
  return advise(error, { effect: 'nothing_sent', ...rest });
}
export function wrongUsage(message: string, more: Advice = {}): PolybError {
  return refusal('invalid_argument', message, { effect: 'nothing_done', ...more });
}

function issuesOf(error: PolybError): readonly FieldIssue[] {
  const issues = advice.get(error)?.issues ?? (error.data as { issues?: unknown } | null | undefined)?.issues;
  return Array.isArray(issues) ? issues.filter((issue): issue is FieldIssue => typeof issue?.pointer === 'string') : [];
}

export function metaOf(error: PolybError): object | undefined {
  return advice.get(error)?.meta;
}

/** The lines for a person. The first is marked by the writer. */
export function tell(error: PolybError): readonly string[] {
  const { subject, close, effect, next } = advice.get(error) ?? {};
  const issues = issuesOf(error);
  const headline = subject === undefined || error.message.includes(subject) ? error.message : `${subject}: ${error.message}`;
  const width = Math.max(0, ...issues.map((issue) => fieldName(issue.pointer).length));
  const reason = error.reason === undefined ? error.code : `${error.code}, ${error.reason}`;
  return [
    `${headline} (${effects[effect ?? error.outcome]})`,
    ...issues.map((issue) => `    ${fieldName(issue.pointer).padEnd(width)} expected ${issue.expected}; got ${issue.given}`),
    ...dataLines(error.data),
    ...(close === undefined || close.length === 0 ? [] : [`    close: ${close.join('  ')}`]),
    ...(effect === undefined
      ? [`    ${reason}${error.retryAfterMs === undefined ? '' : `, again after ${(error.retryAfterMs / 1000).toFixed(1)} s`}`]
      : []),
    ...(next ?? []).map((line) => `  ${line}`),
  ];
}

/** Names in the data of an error that have lines of their own, or are for programs. */
const toldElsewhere = ['issues', 'close', 'next', 'rowId'];
const mostLines = 5;
/** What the error knows beside its message: `slots` of a busy one, the refused `field`. A list has a line for each of its first items. */
function dataLines(data: unknown): readonly string[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, value]) => {
    if (toldElsewhere.includes(name)) return [];
    if (!Array.isArray(value)) return isPlain(value) ? [`    ${name} ${value}`] : [];
    return value.slice(0, mostLines).flatMap((item) => {
      const parts = (isPlain(item) ? [item] : Object.values(item ?? {}).filter(isPlain)).map(String);
      return parts.length === 0 ? [] : [`    ${name} ${parts.join('  ')}`];
    });
  });
}
const isPlain = (value: unknown): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value);

/** `/address/city` as it is typed: `address.city`. */
function fieldName(pointer: string): string {
  return pointer.replace(/^\//, '').replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~') || '(whole)';
}

/** What happened, put together: call records from the rings of all services, and steps from the journal. */
import type { CallRecord } from '../../../bus/telemetry/records.ts';
import { spanMs } from '../kernel/text.ts';
import type { Message, Sequence } from './draw/sequence.ts';
import type { TreeNode } from './draw/tree.ts';

export interface Span {
  readonly id: string;
  readonly parentId: string;
  readonly kind: 'run' | 'call' | 'outside' | 'wait' | 'delay';
  /** Who asked, and who did it. */
  readonly from: string;
  readonly to: string;
  /** `crm.push_to_crm`, `GET crm.example/api/v1/Contact`, or an event's address. */
  readonly name: string;
  /** A step's name in its pipeline. */
  readonly step: string | null;
  /** Unix ms. */
  readonly at: number;
  readonly ms: number;
  /** `ok`, an error's code, or a row's state while it has not ended. */
  readonly code: string;
  readonly reason: string | null;
}

/** A row of the journal as `journal.get` tells it, as far as it is drawn. */
export interface RowFact {
  readonly id: string;
  readonly method: string;
  readonly key: string;
  readonly mode: string;
  readonly state: string;
  readonly reason: string | null;
  readonly traceId: string | null;
  readonly caller: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly steps: readonly {
    readonly id: string;
    readonly method: string;
    readonly key: string;
    readonly mode: string;
    readonly state: string;
    readonly step: string | null;
    readonly reason: string | null;
    readonly attempts: number;
    readonly createdAt: string;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly updatedAt: string;
  }[];
}

const serviceOf = (address: string): string => address.split('.')[0] ?? address;
/** A wait names its event `@calls.call_ended`. */
const plainAddress = (method: string): string => method.replace(/^@/, '');
/** A step whose condition was false ends without an attempt. */
export function isSkipped(step: { readonly mode: string; readonly state: string; readonly attempts: number }): boolean {
  return step.mode === 'step' && step.state === 'done' && step.attempts === 0;
}

/** The two records of one call (its caller's and its server's) become one span: the caller's times, the server's name. */
export function spansOfRecords(records: readonly CallRecord[]): readonly Span[] {
  const unique = [...new Map(records.map((record) => [`${record.side} ${record.spanId} ${record.instance}`, record])).values()];
  const servers = unique.filter(({ side }) => side === 'server');
  const clients = unique.filter(({ side }) => side === 'client');
  const used = new Set<CallRecord>();
  const alias = new Map<string, string>();
  const calls = clients.map((client): Span => {
    const server = servers.find(
      (one) => !used.has(one) && one.address === client.address && (one.parentId === client.spanId || one.spanId === client.spanId),
    );
    if (server !== undefined) {
      used.add(server);
      alias.set(server.spanId, client.spanId);
    }
    return spanOf(client, client.service, server?.service ?? serviceOf(client.address), 'call');
  });
  const alone = servers.filter((one) => !used.has(one)).map((one) => spanOf(one, one.caller || 'client', one.service, 'call'));
  const outside = unique.filter(({ side }) => side === 'outside').map((one) => spanOf(one, one.service, hostOf(one.address), 'outside'));
  return [...calls, ...alone, ...outside]
    .map((span) => ({ ...span, parentId: alias.get(span.parentId) ?? span.parentId }))
    .sort((a, b) => a.at - b.at);
}

function spanOf(record: CallRecord, from: string, to: string, kind: Span['kind']): Span {
  const { spanId, parentId, address, at, ms, code, reason = null } = record;
  return { id: spanId, parentId, kind, from, to, name: address, step: null, at, ms, code, reason };
}
/** `GET crm.example/api/v1/Contact` → `crm.example`. */
function hostOf(address: string): string {
  return /^\S+\s+([^/\s]+)/.exec(address)?.[1] ?? address;
}

const codeOfState: Readonly<Record<string, string>> = { done: 'ok' };

/** A run and its steps. A step whose call is among `calls` takes it in; the journal tells of the others, which no ring holds any more. */
export function spansOfRow(row: RowFact, calls: readonly Span[], now: number): readonly Span[] {
  const daemons = new Map(calls.filter(({ kind }) => kind === 'call').map(({ name, to }) => [serviceOf(name), to]));
  const doer = (method: string) => daemons.get(serviceOf(plainAddress(method))) ?? serviceOf(plainAddress(method));
  const root: Span = {
    id: row.id,
    parentId: '',
    kind: 'run',
    from: row.caller ?? 'client',
    to: doer(row.method),
    name: row.method,
    step: null,
    at: Date.parse(row.createdAt),
    ms: spanOfTimes(row.createdAt, isOver(row.state) ? row.updatedAt : null, now),
    code: codeOfState[row.state] ?? row.state,
    reason: row.reason,
  };
  const taken = new Set<Span>();
  const steps = row.steps.map((step): Span => {
    const began = Date.parse(step.startedAt ?? step.createdAt);
    const own = isSkipped(step)
      ? []
      : calls.filter(
          (call) => call.kind === 'call' && call.name === step.method && !taken.has(call) && call.at >= Date.parse(step.createdAt) - 50,
        );
    const found = own.find(({ parentId }) => !calls.some(({ id }) => id === parentId)) ?? own[0];
    if (found !== undefined) taken.add(found);
    const ended = step.endedAt ?? (isOver(step.state) ? step.updatedAt : null);
    return {
      id: found?.id ?? step.id,
      parentId: row.id,
      kind: step.mode === 'wait' ? (step.method === '' ? 'delay' : 'wait') : 'call',
      from: root.to,
      to: doer(step.method),
      name: plainAddress(step.method),
      step: step.step,
      at: began,
      ms: spanOfTimes(new Date(began).toISOString(), ended, now),
      code: isSkipped(step) ? 'skipped' : (codeOfState[step.state] ?? step.state),
      reason: step.reason,
    };
  });
  const isRoot = (call: Span) => call.name === row.method && !taken.has(call);
  const rest = calls.filter((call) => !taken.has(call) && !isRoot(call));
  const known = new Set([...steps, ...rest].map(({ id }) => id));
  return [
    root,
    ...[...steps, ...rest.map((span) => (known.has(span.parentId) ? span : { ...span, parentId: row.id }))].sort((a, b) => a.at - b.at),
  ];
}

function isOver(state: string): boolean {
  return ['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'].includes(state);
}
function spanOfTimes(from: string, to: string | null, now: number): number {
  return Math.max(0, (to === null ? now : Date.parse(to)) - Date.parse(from));
}

export function statusText({ code, reason, kind }: Pick<Span, 'code' | 'reason' | 'kind'>, ascii: boolean): string {
  if (code === 'skipped') return ascii ? '- skipped' : '– skipped';
  const mark =
    code === 'ok'
      ? ascii
        ? '+'
        : '✓'
      : kind !== 'outside' && ['waiting', 'queued', 'attempting', 'proposed', 'unknown', 'review'].includes(code)
        ? '…'
        : ascii
          ? 'x'
          : '✗';
  return `${mark} ${reason ?? code}`;
}

export function treeOf(spans: readonly Span[], ascii: boolean): { readonly roots: readonly TreeNode[]; readonly totalMs: number } {
  const start = Math.min(...spans.map(({ at }) => at));
  const totalMs = Math.max(...spans.map(({ at, ms }) => at + ms - start));
  const ids = new Set(spans.map(({ id }) => id));
  const children = Map.groupBy(spans, ({ parentId, id }) => (ids.has(parentId) && parentId !== id ? parentId : ''));
  const node = (span: Span): TreeNode => ({
    label: labelOf(span),
    status: statusText(span, ascii),
    from: span.at - start,
    ms: span.ms,
    children: (children.get(span.id) ?? []).map(node),
  });
  return { roots: (children.get('') ?? []).map(node), totalMs };
}
function labelOf({ step, name, kind }: Span): string {
  const what = kind === 'wait' ? `wait for ${name}` : kind === 'delay' ? 'delay' : name;
  return step === null ? what : `${step}: ${what}`;
}

const roundingMs = 2;
interface Placed {
  readonly time: number;
  /** 0 asks, 1 answers. */
  readonly rank: 0 | 1;
  readonly began: number;
  readonly message: Message;
}
export function sequenceOf(spans: readonly Span[], ascii: boolean): Sequence {
  const start = Math.min(...spans.map(({ at }) => at));
  const drawn = spans.filter(({ code }) => code !== 'skipped');
  const at = (time: number) => String(Math.round(time - start));
  const ends = new Map(drawn.map(({ id, at: began, ms }) => [id, began + ms]));
  const messages = drawn.flatMap((span): Placed[] => {
    const verb = span.kind === 'outside' ? span.name.replace(/^(\S+)\s+[^/\s]+/, '$1 ') : (span.name.split('.').at(-1) ?? span.name);
    // The journal's times are whole ms and a ring's are not: an answer may not seem to come just after the answer that it was asked for.
    // What was sent durably really ends later than who sent it.
    const bound = ends.get(span.parentId) ?? Number.POSITIVE_INFINITY;
    const end = span.at + span.ms - bound < roundingMs ? Math.min(span.at + span.ms, bound) : span.at + span.ms;
    const began = span.at;
    if (span.kind === 'wait' || span.kind === 'delay') {
      return [
        {
          time: end,
          rank: 1,
          began,
          message: { at: at(end), from: span.to, to: span.from, text: `${verb} ${spanMs(span.ms)}`, back: true },
        },
      ];
    }
    return [
      { time: span.at, rank: 0, began, message: { at: at(span.at), from: span.from, to: span.to, text: verb } },
      {
        time: end,
        rank: 1,
        began,
        message: { at: at(end), from: span.to, to: span.from, text: `${statusText(span, ascii)} ${spanMs(span.ms)}`, back: true },
      },
    ];
  });
  // Of answers at one time the youngest call's comes first, so that arrows nest.
  messages.sort((a, b) => a.time - b.time || a.rank - b.rank || (a.rank === 1 ? b.began - a.began : 0));
  const names = new Set<string>();
  const external = new Set(drawn.filter(({ kind }) => kind === 'outside').map(({ to }) => to));
  for (const { message } of messages) names.add(message.from).add(message.to);
  return {
    participants: [...names].map((name) => ({ name, ...(external.has(name) && { external: true }) })),
    messages: messages.map(({ message }) => message),
  };
}

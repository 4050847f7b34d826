/** A pipeline as data: its steps, waits and delays. `run.ts` executes it, the docs draw it. */
import type { z } from 'zod';
import type { Event, InputOf, Method, OutputOf, ParsedOf, PayloadOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { RunOutputOf } from '../../contracts/pipelines.ts';
import type { Handler, Keyed } from '../service.ts';
import type { Row } from './store.ts';

type Seen = Readonly<Record<string, unknown>>;
export interface StepDefinition {
  readonly kind: 'step';
  readonly name: string;
  readonly method: Method;
  input(seen: Seen): unknown;
  when(seen: Seen): boolean;
}
export interface WaitDefinition {
  readonly kind: 'wait';
  readonly name: string;
  readonly event: Event;
  readonly timeoutMs: number;
  key(seen: Seen): string;
}
export interface DelayDefinition {
  readonly kind: 'delay';
  readonly name: string;
  readonly ms: number;
}
export type Part = StepDefinition | WaitDefinition | DelayDefinition;
export interface Definition {
  readonly method: Method;
  readonly parts: readonly Part[];
  /** The pipeline as data, for docs, checks and the command line. */
  readonly steps: readonly { readonly name: string; readonly kind: Part['kind']; readonly target: string; readonly conditional: boolean }[];
  output(seen: Seen): unknown;
}
/** The handler of a pipeline's method; only the journal runs it. */
export type Pipeline<M extends Method = Method> = Handler<M> & { readonly definition: Definition };
const made = new Map<Method, Pipeline>();
/** The pipeline of a method in this process, even if its module does not export it. */
export const pipelineOf = (method: Method): Pipeline | undefined => made.get(method);
export function isPipeline(handler: unknown): handler is Pipeline {
  return typeof handler === 'function' && 'definition' in handler;
}

type With<N extends string, T> = Readonly<Record<N, T>>;
/** A pipeline builder; each part gets the results of earlier parts by name. */
export interface Line<M extends Method, S extends object> {
  /** Calls a method. Its input is computed once and stored, without fields that the method does not declare. */
  step<N extends string, T extends Method>(name: N, method: T, input: (seen: S) => InputOf<T>): Line<M, S & With<N, OutputOf<T>>>;
  /** With `when`: skipped if it is false; the result is null. */
  step<N extends string, T extends Method>(
    name: N,
    method: T,
    input: (seen: S) => InputOf<T>,
    options: { readonly when: (seen: S) => boolean },
  ): Line<M, S & With<N, OutputOf<T> | null>>;
  /** Waits for an event with this key since the start of the run; null if none comes in time. */
  waitFor<N extends string, E extends Event>(
    name: N,
    event: E,
    key: (seen: S) => string,
    options: { readonly timeoutMs: number },
  ): Line<M, S & With<N, PayloadOf<E> | null>>;
  delay<N extends string>(name: N, ms: number): Line<M, S>;
  output(map: (seen: S) => RunOutputOf<M>): Pipeline<M>;
}

export function pipeline<M extends Keyed>(of: M): Line<M, { readonly input: ParsedOf<M> }> {
  return line(of, []) as unknown as Line<M, { readonly input: ParsedOf<M> }>;
}

function line(method: Method, parts: readonly Part[]): Line<Method, object> {
  const plus = (part: Part): never => {
    if (part.name === 'input' || parts.some(({ name }) => name === part.name))
      throw new TypeError(`${method.address}: two parts are named ${part.name}`);
    return line(method, [...parts, part]) as never;
  };
  return {
    step: (name: string, target: Method, input: (seen: never) => unknown, options?: { when: (seen: never) => boolean }) =>
      plus({
        kind: 'step',
        name,
        method: target,
        input: input as StepDefinition['input'],
        when: (options?.when ?? always) as StepDefinition['when'],
      }),
    waitFor: (name: string, event: Event, key: (seen: never) => string, { timeoutMs }: { timeoutMs: number }) =>
      plus({ kind: 'wait', name, event, timeoutMs, key: key as WaitDefinition['key'] }),
    delay: (name: string, ms: number) => plus({ kind: 'delay', name, ms }),
    output(map: (seen: never) => unknown) {
      const refuse = async (): Promise<never> => {
        throw new PolybError('failed_precondition', `${method.address} is a pipeline: only the journal runs it.`, { reason: 'no_store' });
      };
      const definition: Definition = { method, parts, steps: parts.map(asData), output: map as Definition['output'] };
      const whole: Pipeline = Object.assign(refuse, { definition });
      made.set(method, whole);
      return whole as never;
    },
  } as Line<Method, object>;
}
const always = (): boolean => true;

function asData(part: Part): Definition['steps'][number] {
  const { name, kind } = part;
  switch (part.kind) {
    case 'step':
      return { name, kind, target: part.method.address, conditional: part.when !== always };
    case 'wait':
      return { name, kind, target: part.event.address, conditional: false };
    case 'delay':
      return { name, kind, target: `${part.ms} ms`, conditional: false };
  }
}

export interface RunAnswer {
  readonly runId: string;
  readonly status: z.output<typeof import('../../contracts/pipelines.ts').RunStatus>;
  readonly output: unknown;
}
const statuses: Readonly<Record<Row['state'], RunAnswer['status']>> = {
  proposed: 'waiting',
  queued: 'running',
  attempting: 'running',
  waiting: 'waiting',
  unknown: 'waiting',
  review: 'waiting',
  done: 'completed',
  failed: 'failed',
  rejected: 'failed',
  stale: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
};
export function runAnswer(run: Pick<Row, 'id' | 'state' | 'output'>): RunAnswer {
  return { runId: run.id, status: statuses[run.state], output: run.state === 'done' ? run.output : null };
}

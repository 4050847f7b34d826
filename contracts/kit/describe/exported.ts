/** Contracts as data, for `contracts.json`, service discovery and the comparison of releases. */
import {
  type Alias,
  type Approval,
  type Contract,
  type Entry,
  type HttpShape,
  type Idempotency,
  type StreamHttpShape,
  settled,
} from '../define.ts';
import type { Deprecation } from '../deprecation.ts';
import type { Code } from '../errors.ts';
import { type AliasFact, aliasFact } from '../legacy-body.ts';
import { type JsonSchema, partsOf, schemaHash } from './schema.ts';

/** The route of a method or of a stream. */
export type HttpFact = Omit<HttpShape, 'reply'> & {
  readonly reply?: HttpShape['reply'] | StreamHttpShape['reply'];
  readonly contentType?: string;
};
/** One complete entry. Properties that its kind does not have are absent. */
export interface EntryFact {
  readonly address: string;
  readonly service: string;
  readonly name: string;
  readonly kind: Entry['kind'];
  readonly summary: string;
  readonly version: string;
  readonly hash: string;
  readonly idempotency?: Idempotency;
  readonly timeoutMs?: number;
  readonly ttlMs?: number;
  /** The field; of a lane that other methods share, `clientId of client`. */
  readonly lane?: string;
  readonly owner?: string;
  readonly approval?: Approval;
  readonly reaches?: 'customer';
  readonly roles?: readonly string[];
  readonly bytes?: boolean;
  readonly settles?: boolean;
  readonly unhashed?: readonly string[];
  readonly editable?: readonly string[];
  readonly deprecated?: Deprecation;
  /** Reason → code. */
  readonly errors?: Readonly<Record<string, Code>>;
  readonly http?: HttpFact;
  readonly overflow?: 'wait' | 'drop_oldest';
  readonly topic?: string;
  /** Events: the payload field that waits match on. */
  readonly key?: string;
  readonly input?: JsonSchema;
  readonly output?: JsonSchema;
  readonly up?: JsonSchema;
  readonly down?: JsonSchema;
  readonly payload?: JsonSchema;
  readonly examples?: readonly unknown[];
}
export interface StepFact {
  readonly name: string;
  readonly kind: 'step' | 'wait' | 'delay';
  /** The address called or waited for; for a delay, its length. */
  readonly target: string;
  /** Absent if the step always runs. */
  readonly conditional?: true;
}
/** Declaration of a pipeline; `method` is its address. */
export interface PipelineFact {
  readonly method: string;
  readonly steps: readonly StepFact[];
}
export interface ContractsFile {
  readonly $comment: string;
  readonly entries: Readonly<Record<string, EntryFact>>;
  readonly aliases: readonly AliasFact[];
  readonly pipelines: Readonly<Record<string, PipelineFact>>;
}

/** True for the return value of `contract()`. */
export function isContract(value: unknown): value is Contract {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value) as [string, { kind?: unknown; address?: unknown; name?: unknown } | null][];
  // An imported list of entries has numbers as names.
  return (
    entries.length > 0 && entries.every(([name, one]) => isEntryKind(one?.kind) && typeof one?.address === 'string' && one.name === name)
  );
}
function isEntryKind(kind: unknown): boolean {
  return kind === 'method' || kind === 'event' || kind === 'stream';
}

export function describe(entry: Entry): EntryFact {
  const parts = Object.fromEntries(Object.entries(partsOf(entry)).map(([name, { schema }]) => [name, schema]));
  const { address, service, name, kind, summary, version } = entry;
  const head = { address, service, name, kind, summary, version, hash: schemaHash(entry) };
  switch (entry.kind) {
    case 'event':
      return { ...head, key: entry.key, ...parts };
    case 'stream': {
      const { timeoutMs, overflow, topic, owner, roles, http } = entry;
      return withoutAbsent({ ...head, timeoutMs, overflow, topic, owner, roles, errors: errorsOf(entry.errors), http, ...parts });
    }
    case 'method': {
      const {
        idempotency,
        timeoutMs,
        ttlMs,
        lane,
        owner,
        approval,
        reaches,
        roles,
        bytes,
        settles,
        unhashed,
        editable,
        deprecated,
        http,
        examples,
      } = entry;
      return withoutAbsent({
        ...head,
        idempotency,
        timeoutMs,
        ttlMs: idempotency === 'keyed' ? ttlMs : undefined,
        lane: lane && (lane.name === entry.address ? lane.field : `${lane.field} of ${lane.name}`),
        owner,
        approval: approval === 'none' ? undefined : approval,
        reaches,
        roles,
        bytes: bytes || undefined,
        settles: settles || undefined,
        unhashed: unhashed.length > 0 ? unhashed : undefined,
        editable: editable.length > 0 ? editable : undefined,
        deprecated,
        errors: errorsOf(entry.errors),
        http,
        ...parts,
        examples: examples.length > 0 ? examples : undefined,
      });
    }
  }
}

function errorsOf(declared: Readonly<Record<string, Code | { readonly code: Code }>>): Record<string, Code> {
  return Object.fromEntries(Object.entries(declared).map(([reason, error]) => [reason, typeof error === 'string' ? error : error.code]));
}
function withoutAbsent(facts: Readonly<Record<string, unknown>>): EntryFact {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as unknown as EntryFact;
}

/** All that the command line needs to call, complete and explain methods without loading a schema library. */
export function exported(
  contracts: readonly Contract[],
  aliases: readonly Alias[],
  pipelines: Readonly<Record<string, PipelineFact>> = {},
): ContractsFile {
  const stated = contracts.flatMap((contract) => Object.values(contract));
  const ends = stated.flatMap((entry) => (entry.kind === 'method' && entry.settles ? [settled(entry)] : []));
  const entries = [...stated, ...ends].sort((a, b) => (a.address < b.address ? -1 : 1));
  return {
    $comment: 'Generated by `polyb docs build`; do not edit.',
    entries: Object.fromEntries(entries.map((entry) => [entry.address, describe(entry)])),
    aliases: aliases.map(aliasFact),
    pipelines: Object.fromEntries(Object.entries(pipelines).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

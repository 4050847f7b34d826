/**
 * A capability as a value: address, schemas, policy and errors in one frozen object, from which everything else
 * (client, command line, HTTP, docs, permissions, metrics) is derived.
 *
 * Glossary: a *method* takes a request and returns a reply; an *event* states a fact; a *stream* carries items both ways;
 * a *contract* is a domain noun with its methods, events and streams; an *effect* is the provider's part of a keyed method.
 */
import { z } from 'zod';
import type { Deprecation } from './deprecation.ts';
import type { Code } from './errors.ts';
import { endedStates } from './row-state.ts';

/** `read` changes nothing; `idempotent` may be repeated; `keyed` is a row of the journal, unique by (method, key). */
export type Idempotency = 'read' | 'idempotent' | 'keyed';
/** Whose approval a keyed call needs before it is attempted; `both`: of staff and of the customer, in any order. */
export type Approval = 'none' | 'staff' | 'customer' | 'both';
/** Who may call: `operator` is the command line and the pages; a service is named by its folder. Absent: anyone. */
export type Role = 'operator' | (string & {});
type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Route = `${Verb} /${string}`;
/** Scopes of an API key: reading, changing and sending, deciding and managing. */
export type Scope = 'read' | 'send' | 'admin';
/**
 * Roles of people who log in. A manager sees their own chats and those of nobody; a director sees all; an admin manages people, keys and
 * settings as well; an operator runs the system and sees no personal data until they ask to, which is audited.
 */
export const personRoles = ['manager', 'director', 'admin', 'operator'] as const;
export type PersonRole = (typeof personRoles)[number];
/** What routes of methods and of streams have in common. */
interface Exposed {
  readonly route: Route;
  /** Required API key scope. Default: none for a raw body; admin if the entry has `roles`; read for a read and a stream; otherwise send. */
  readonly scope?: Scope | 'none';
  /**
   * Roles of people who may use the route once they have logged in. Default by scope: `read` all roles, `send` all but `operator`, `admin`
   * `admin` and `operator`.
   */
  readonly people?: readonly PersonRole[];
  /** Input field that receives the name of the caller's API key or session; a value from the caller is overwritten. */
  readonly actor?: string;
  /** Input field that receives the person who looks (`Viewer`); a value from the caller is removed. It only narrows the output. */
  readonly viewer?: string;
}
/**
 * A stream as a reply; the client sends no items. `events`: server-sent events `item` with the number of the item as id, at last `end`, or
 * `error` with a problem. `stream`: the items are bytes, sent in chunks; a failure, and 30 s without any, breaks them off.
 */
export interface StreamHttpShape extends Exposed, Pick<HttpShape, 'files'> {
  /** As for a method. */
  readonly body?: 'json' | 'multipart';
  readonly reply: 'events' | 'stream';
  /** Of bytes; default `application/octet-stream`. */
  readonly contentType?: string;
}
export interface HttpShape extends Exposed {
  /**
   * `multipart`: a form (`multipart/form-data`), whose parts are the fields of the input and whose files are bytes; JSON is accepted too.
   * `raw`: requires no API key; the method verifies the request itself. It receives those of `headers`, `query` and `body` that its
   * input declares.
   */
  readonly body?: 'json' | 'multipart' | 'raw';
  /** By the field of a file in a form: input fields that receive its content type and its name, unless a part sets them. */
  readonly files?: Readonly<Record<string, { readonly contentType?: string; readonly name?: string }>>;
  /**
   * `bytes`: the output is `{ body, contentType?, status? }`. `ranged`: the input has `offset` and `length`, the output is
   * `{ body, contentType, name, bytes, version }`, one part of `bytes` in total; the gateway requests as many parts as it needs.
   */
  readonly reply?: 'json' | 'bytes' | 'ranged';
  /** Output field used as the ETag. */
  readonly etag?: string;
  /** Input field set from If-Match. */
  readonly ifMatch?: string;
}
/** `crm_rejected: 'failed_precondition'`, or with the type of its data. */
export type DeclaredError = Code | { readonly code: Code; readonly data: z.ZodType };

export interface MethodSpec<I extends z.ZodType, O extends z.ZodType, K extends Idempotency> {
  readonly summary: string;
  readonly input: I;
  readonly output: O;
  readonly idempotency: K;
  /** Maximum deadline of a caller; default 10 s. */
  readonly timeoutMs?: number;
  /** How long after `tx.send` a first attempt may still begin; default one day. */
  readonly ttlMs?: number;
  /** Reasons that a caller may receive, with their codes. */
  readonly errors?: Readonly<Record<string, DeclaredError>>;
  /** Default: `POST /api/v1/<service>/<method>`. */
  readonly http?: Route | HttpShape;
  /** Rows with the same value of this field run in order, one at a time; with a `name`, together with the rows of other methods that name the same lane. */
  readonly lane?: (keyof z.output<I> & string) | { readonly name: string; readonly field: keyof z.output<I> & string };
  /** Only the instance that holds the object named by this field replies. */
  readonly owner?: keyof z.output<I> & string;
  readonly approval?: Approval;
  /** Input fields that a person may edit while a row waits for approval. Default: none. */
  readonly editable?: readonly (keyof z.output<I> & string)[];
  /** The method reaches a customer (a call, a message): the command line asks for confirmation, and the guest user may not call it. */
  readonly reaches?: 'customer';
  readonly roles?: readonly Role[];
  /** Concurrent calls of one instance; further calls get `resource_exhausted`. Default 256. */
  readonly limits?: { readonly concurrency: number };
  /** Emits the event `<method>_settled` when a row ends that was sent or proposed, or whose caller could not be given its outcome; see `settled()`. */
  readonly settles?: boolean;
  /** Input fields that are excluded from the hash of a keyed call. */
  readonly unhashed?: readonly (keyof z.output<I> & string)[];
  readonly deprecated?: Deprecation;
  /** Example inputs for docs and `describe`; a test checks them against the schema. */
  readonly examples?: readonly z.input<I>[];
}

/** Rows with one name and one value of the field run in order; with a field `connection` in the input, those of one connection. The name is the method's address unless several methods share the lane. */
export interface Lane {
  readonly name: string;
  readonly field: string;
}

export interface Method<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType, K extends Idempotency = Idempotency> {
  readonly kind: 'method';
  readonly service: string;
  readonly name: string;
  /** `crm.push_to_crm`: used in subjects, logs, metrics and on the command line. */
  readonly address: string;
  readonly version: string;
  readonly summary: string;
  readonly input: I;
  readonly output: O;
  readonly idempotency: K;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly errors: Readonly<Record<string, DeclaredError>>;
  readonly http: HttpShape;
  readonly lane: Lane | undefined;
  readonly owner: string | undefined;
  readonly approval: Approval;
  readonly editable: readonly string[];
  readonly reaches: 'customer' | undefined;
  readonly roles: readonly Role[] | undefined;
  readonly limits: { readonly concurrency: number };
  readonly settles: boolean;
  readonly unhashed: readonly string[];
  readonly deprecated: Deprecation | undefined;
  readonly examples: readonly unknown[];
  /** Input or output contains bytes, so msgpack is the default encoding. */
  readonly bytes: boolean;
}
export interface Stream<I extends z.ZodType = z.ZodType, U extends z.ZodType = z.ZodType, D extends z.ZodType = z.ZodType> {
  readonly kind: 'stream';
  readonly service: string;
  readonly name: string;
  readonly address: string;
  readonly version: string;
  readonly summary: string;
  readonly input: I;
  /** Items from the caller to the service. */
  readonly up: U;
  /** Items from the service to the caller. */
  readonly down: D;
  /** What happens to the sender when the window is full. */
  readonly overflow: 'wait' | 'drop_oldest';
  /** Input field by whose value a stream is tapped. */
  readonly topic: string | undefined;
  /** Only the instance that holds the object named by this input field opens the stream. */
  readonly owner: string | undefined;
  /** Absent: no route. */
  readonly http: StreamHttpShape | undefined;
  readonly timeoutMs: number;
  readonly roles: readonly Role[] | undefined;
  readonly limits: { readonly concurrency: number };
  readonly errors: Readonly<Record<string, DeclaredError>>;
  /** The input contains bytes, so msgpack is the default encoding of the request that opens it. */
  readonly bytes: boolean;
}
export interface Event<P extends z.ZodType = z.ZodType> {
  readonly kind: 'event';
  readonly service: string;
  readonly name: string;
  readonly address: string;
  readonly version: string;
  readonly summary: string;
  readonly payload: P;
  /** Payload field that identifies the subject of the event; waits match on it. */
  readonly key: string;
  /** The method whose rows the event reports. Services that use the method may emit and consume it. */
  readonly of?: string;
}
export type Entry = Method | Stream | Event;

export type Spec<K, R> = R & { readonly kind: K };
export interface StreamSpec<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType> {
  readonly summary: string;
  readonly input: I;
  readonly up: U;
  readonly down: D;
  readonly overflow?: 'wait' | 'drop_oldest';
  readonly topic?: keyof z.output<I> & string;
  /** Only the instance that holds the object named by this field opens the stream. */
  readonly owner?: keyof z.output<I> & string;
  /** Default: no route. */
  readonly http?: StreamHttpShape;
  readonly timeoutMs?: number;
  readonly roles?: readonly Role[];
  readonly limits?: { readonly concurrency: number };
  readonly errors?: Readonly<Record<string, DeclaredError>>;
}
export interface EventSpec<P extends z.ZodType> {
  readonly summary: string;
  readonly payload: P;
  readonly key: keyof z.output<P> & string;
}

export function method<I extends z.ZodType, O extends z.ZodType, const K extends Idempotency>(
  spec: MethodSpec<I, O, K>,
): Spec<'method', MethodSpec<I, O, K>> {
  return { ...spec, kind: 'method' };
}
export function stream<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
  spec: StreamSpec<I, U, D>,
): Spec<'stream', StreamSpec<I, U, D>> {
  return { ...spec, kind: 'stream' };
}
export function event<P extends z.ZodType>(spec: EventSpec<P>): Spec<'event', EventSpec<P>> {
  return { ...spec, kind: 'event' };
}

export type EntriesByName<S> = {
  readonly [N in keyof S]: S[N] extends {
    kind: 'method';
    input: infer I extends z.ZodType;
    output: infer O extends z.ZodType;
    idempotency: infer K extends Idempotency;
  }
    ? Method<I, O, K>
    : S[N] extends { kind: 'stream'; input: infer I extends z.ZodType; up: infer U extends z.ZodType; down: infer D extends z.ZodType }
      ? Stream<I, U, D>
      : S[N] extends { kind: 'event'; payload: infer P extends z.ZodType }
        ? Event<P>
        : never;
};
/** A contract: its entries by name, with all defaults filled in. */
export type Contract = Readonly<Record<string, Entry>>;

type AnySpec = { readonly kind: 'method' | 'stream' | 'event' };

/** Declares a contract. `version` is SemVer; `crm@1` pins its major number. */
export function contract<const S extends Record<string, AnySpec>>(service: string, version: string, specs: S): EntriesByName<S> {
  if (!/^[a-z][a-z0-9_]*$/.test(service)) throw new TypeError(`contract ${service}: a name is lower snake_case`);
  const entries = Object.entries(specs).map(([name, spec]) => {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`${service}.${name}: a name is lower snake_case`);
    return [name, Object.freeze(complete(service, version, name, spec as unknown as Complete))] as const;
  });
  return Object.freeze(Object.fromEntries(entries)) as EntriesByName<S>;
}

type Complete =
  | Spec<'method', MethodSpec<z.ZodType, z.ZodType, Idempotency>>
  | Spec<'stream', StreamSpec<z.ZodType, z.ZodType, z.ZodType>>
  | Spec<'event', EventSpec<z.ZodType>>;

function complete(service: string, version: string, name: string, spec: Complete): Entry {
  const at = { service, name, address: `${service}.${name}`, version };
  switch (spec.kind) {
    case 'event':
      return { ...spec, ...at };
    case 'stream':
      return {
        ...spec,
        ...at,
        overflow: spec.overflow ?? 'wait',
        topic: spec.topic,
        owner: spec.owner,
        http: spec.http,
        timeoutMs: spec.timeoutMs ?? 10_000,
        roles: spec.roles,
        limits: spec.limits ?? { concurrency: 256 },
        errors: spec.errors ?? {},
        bytes: carriesBytes(spec.input),
      };
    case 'method':
      return {
        ...spec,
        ...at,
        timeoutMs: spec.timeoutMs ?? 10_000,
        ttlMs: spec.ttlMs ?? 86_400_000,
        errors: spec.errors ?? {},
        http: typeof spec.http === 'object' ? spec.http : { route: spec.http ?? `POST /api/v1/${service}/${name}` },
        lane: typeof spec.lane === 'string' ? { name: at.address, field: spec.lane } : spec.lane,
        owner: spec.owner,
        approval: spec.approval ?? 'none',
        editable: spec.editable ?? [],
        reaches: spec.reaches,
        roles: spec.roles,
        limits: spec.limits ?? { concurrency: 256 },
        settles: spec.settles ?? false,
        unhashed: spec.unhashed ?? [],
        deprecated: spec.deprecated,
        examples: spec.examples ?? [],
        bytes: carriesBytes(spec.input) || carriesBytes(spec.output),
      };
  }
}

/** True when the schema contains bytes (see `Bytes` in common.ts). */
function carriesBytes(schema: z.ZodType): boolean {
  if ((z.globalRegistry.get(schema) as { contentEncoding?: string } | undefined)?.contentEncoding === 'base64') return true;
  const def = schema.def as {
    shape?: Record<string, z.ZodType>;
    element?: z.ZodType;
    innerType?: z.ZodType;
    options?: z.ZodType[];
    valueType?: z.ZodType;
    in?: z.ZodType;
  };
  return [...Object.values(def.shape ?? {}), ...(def.options ?? []), def.element, def.innerType, def.valueType, def.in].some(
    (part) => part !== undefined && carriesBytes(part),
  );
}

export type InputOf<M> = M extends { input: infer I extends z.ZodType } ? z.input<I> : never;
export type ParsedOf<M> = M extends { input: infer I extends z.ZodType } ? z.output<I> : never;
export type OutputOf<M> = M extends Method<z.ZodType, infer O> ? z.output<O> : never;
export type PayloadOf<E> = E extends Event<infer P> ? z.output<P> : never;

/** What the journal does with an attempt whose outcome is unknown. */
export type OnUnknown<M extends Method = Method> =
  /** A person decides. */
  | { readonly do: 'review' }
  /** Looks up the reference at the provider, `settleMs` after the attempt; null means that the effect did not happen. */
  | {
      readonly do: 'look_up';
      readonly settleMs: number;
      find(attempt: UnknownAttempt<ParsedOf<M>>, signal: AbortSignal): Promise<OutputOf<M> | null>;
    }
  /**
   * The provider calls `journal.claim` with the reference before it acts. After `settleMs` an unclaimed reference becomes void and the
   * attempt is repeated under a new one.
   */
  | { readonly do: 'claim'; readonly settleMs: number }
  /** The value of an input field decides; see `byField`. */
  | {
      readonly do: 'by_field';
      readonly field: string;
      readonly absent?: string | undefined;
      readonly of: Readonly<Record<string, OnUnknown<M>>>;
    };

/** What a look-up knows of the attempt. */
export interface UnknownAttempt<I = unknown> {
  readonly ref: string;
  readonly input: I;
  /** When the attempt began, in Unix ms by PostgreSQL's clock. A provider that cannot be asked by `ref` can be asked for what it did since then. */
  readonly attemptedAt: number;
}
/** What is done about an attempt with this input. */
export function onUnknownOf<M extends Method>(
  { onUnknown }: Pick<Effect<M>, 'onUnknown'>,
  input: unknown,
): Exclude<OnUnknown<M>, { do: 'by_field' }> {
  if (onUnknown.do !== 'by_field') return onUnknown;
  const value = (input as Readonly<Record<string, unknown>>)[onUnknown.field] ?? onUnknown.absent;
  return onUnknownOf({ onUnknown: onUnknown.of[String(value)] ?? review }, input);
}

/** The provider's part of one keyed method. It cannot be called; only the journal runs it. */
export interface Effect<M extends Method = Method> {
  /**
   * One attempt. `ref` is unique to the row and the same on every attempt (except after a void claim); pass it to the provider.
   * @throws PolybError with outcome `not_executed` for a definite refusal; any other error counts as unknown.
   */
  attempt(input: ParsedOf<M>, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<OutputOf<M>>;
  readonly onUnknown: OnUnknown<M>;
}
export const review: { readonly do: 'review' } = { do: 'review' };
export function lookUp<T, I = unknown>(
  settleMs: number,
  find: (attempt: UnknownAttempt<I>, signal: AbortSignal) => Promise<T | null>,
): { readonly do: 'look_up'; readonly settleMs: number; find(attempt: UnknownAttempt<I>, signal: AbortSignal): Promise<T | null> } {
  return { do: 'look_up', settleMs, find };
}
export function claim(settleMs: number): { readonly do: 'claim'; readonly settleMs: number } {
  return { do: 'claim', settleMs };
}
export function isEffect(handler: unknown): handler is Effect {
  return typeof handler === 'object' && handler !== null && 'attempt' in handler && 'onUnknown' in handler;
}

/** How a row of the journal ended. */
export const Settled = z.enum(endedStates);
/** The durable event that reports the end of rows of a method with `settles`. Its key is the row's key. */
export function settled<M extends Method>(
  of: M,
): Event<z.ZodObject<{ key: z.ZodString; state: typeof Settled; output: z.ZodNullable<M['output']>; reason: z.ZodNullable<z.ZodString> }>> {
  if (!of.settles) throw new TypeError(`${of.address} does not declare settles: true`);
  const name = `${of.name}_settled`;
  return {
    kind: 'event',
    service: of.service,
    name,
    address: `${of.service}.${name}`,
    version: of.version,
    summary: `A row of ${of.address} ended.`,
    of: of.address,
    payload: z.object({
      key: z.string().max(255),
      state: Settled,
      output: of.output.nullable(),
      reason: z.string().max(64).nullable(),
    }) as never,
    key: 'key',
  };
}

/** Dotted paths inside `T` to values of type `V`. */
type PathTo<T, V> = T extends readonly unknown[]
  ? never
  : T extends object
    ? { [K in keyof T & string]: (T[K] extends V ? K : never) | `${K}.${PathTo<NonNullable<T[K]>, V>}` }[keyof T & string]
    : never;
/** A former name, route or body, as plain data, so that the command line can map it without loading a schema. */
export interface Alias {
  /** `call_orchestrator.start_call`, or `POST /leads`. */
  readonly from: string;
  readonly to: Method;
  /** The port of the former route, if it is part of the alias. */
  readonly port: number | undefined;
  /** The former body; absent if it equals the method's input. */
  readonly body: z.ZodType | undefined;
  /** Fields of the method, each with its dotted path in the former body; see legacy-body.ts. */
  readonly fields: Readonly<Record<string, string>> | undefined;
  /** The field of the method that the whole former body becomes. */
  readonly into: string | undefined;
  /** Fields implied by the former name; values from the caller are overwritten. */
  readonly fixed: Readonly<Record<string, unknown>> | undefined;
  /** Defaults for fields that the caller may omit. */
  readonly defaults: Readonly<Record<string, unknown>> | undefined;
  /** Required API key scope of this route. Default: that of the method. */
  readonly scope: Scope | undefined;
}
export function alias<M extends Method, I extends z.ZodType = z.ZodNever>(
  from: string,
  to: M,
  map: {
    readonly port?: number;
    readonly body?: I;
    readonly fields?: { readonly [F in keyof InputOf<M>]: PathTo<z.output<I>, InputOf<M>[F]> };
    readonly into?: keyof InputOf<M> & string;
    readonly fixed?: Partial<InputOf<M>>;
    readonly defaults?: Partial<InputOf<M>>;
    readonly scope?: Scope;
  } = {},
): Alias {
  const { port, body, into, scope } = map;
  const { fields, fixed, defaults } = map as Pick<Alias, 'fields' | 'fixed' | 'defaults'>;
  return { from, to, port, body, fields, into, fixed, defaults, scope };
}

/**
 * Compares two releases of the contracts and finds changes that break a caller, a consumer or a run in progress.
 *
 * Inputs may only become looser, and outputs may only become richer: an additional field is fine; a missing field, an additional enum
 * value or null is not. Changed sizes and patterns of replies are reported, but break nothing.
 */

import { canonical } from '../canonical.ts';
import type { ContractsFile, EntryFact, PipelineFact, StepFact } from './exported.ts';
import type { JsonSchema, View } from './schema.ts';
import { alternatives, resolveRef } from './walk.ts';

export interface Change {
  /** `crm.push_to_crm input/phoneNumber`. */
  readonly where: string;
  readonly what: string;
  readonly breaking: boolean;
}
const breaks = (where: string, what: string): Change => ({ where, what, breaking: true });
const tells = (where: string, what: string): Change => ({ where, what, breaking: false });

export function compare(before: ContractsFile, after: ContractsFile): readonly Change[] {
  return [...entryChanges(before, after), ...aliasChanges(before, after), ...pipelineChanges(before, after)];
}

/** The breaking changes of a contract whose major version did not increase. */
export function unannounced(before: ContractsFile, after: ContractsFile): readonly Change[] {
  const majors = (of: ContractsFile) =>
    Object.fromEntries(Object.values(of.entries).map(({ service, version }) => [service, Number.parseInt(version, 10)]));
  const [old, now] = [majors(before), majors(after)];
  return compare(before, after).filter(({ where, breaking }) => {
    const service = where.split('.')[0] ?? '';
    return breaking && (now[service] ?? 0) <= (old[service] ?? 0);
  });
}

function entryChanges(before: ContractsFile, after: ContractsFile): Change[] {
  const gone = Object.values(before.entries).filter(({ address }) => !(address in after.entries));
  const come = Object.values(after.entries).filter(({ address }) => !(address in before.entries));
  const renamed = (old: EntryFact) => come.find((now) => now.kind === old.kind && now.hash === old.hash && now.service === old.service);
  return [
    ...gone.flatMap(
      (old) =>
        aliasedEntry(old, after) ?? [breaks(old.address, renamed(old) ? `renamed to ${renamed(old)?.address}` : `removed (${old.kind})`)],
    ),
    ...come.filter((now) => !gone.some((old) => renamed(old) === now)).map((now) => tells(now.address, `added (${now.kind})`)),
    ...Object.values(before.entries).flatMap((old) => {
      const now = after.entries[old.address];
      return now === undefined ? [] : oneEntry(old, withFormerRoute(old, now, after));
    }),
  ];
}

/** A former name with an alias: callers resolve it, so its target must accept its input, return its output and have its route. */
function aliasedEntry(old: EntryFact, after: ContractsFile): Change[] | undefined {
  const alias = after.aliases.find(({ from, port }) => from === old.address && port === undefined);
  const now = after.entries[alias?.to ?? ''];
  if (alias === undefined || now === undefined) return undefined;
  const implied = Object.keys({ ...alias.fixed, ...alias.defaults }).map((field) => `${old.address} input/${field}`);
  const isReshaped = alias.fields !== undefined || alias.into !== undefined;
  const routes = [now.http?.route ?? '', ...after.aliases.filter(({ to }) => to === now.address).map(({ from }) => from)];
  const { route = '' } = old.http ?? {};
  return [
    tells(old.address, `renamed to ${now.address}, with an alias`),
    ...(routes.some((pattern) => leadsTo(pattern, route)) ? [] : [breaks(old.address, `route removed: ${route}`)]),
    ...partChanges(old, now).filter(({ where }) => !implied.includes(where) && !(isReshaped && where.startsWith(`${old.address} input`))),
  ];
}
/** `POST /api/v1/{channel}/webhook` leads to `POST /api/v1/x/webhook`. */
function leadsTo(pattern: string, route: string): boolean {
  const [wanted, given] = [pattern, route].map((path) => path.split(/[ /]/)) as [string[], string[]];
  return wanted.length === given.length && wanted.every((part, at) => part === given[at] || part.startsWith('{'));
}

/** An entry whose former route is an alias now: for callers of that route nothing changed. */
function withFormerRoute(old: EntryFact, now: EntryFact, { aliases }: ContractsFile): EntryFact {
  const isKept = aliases.some(({ from, to, ...rest }) => to === now.address && from === old.http?.route && isPlain(rest));
  return isKept && now.http !== undefined && old.http !== undefined ? { ...now, http: { ...now.http, route: old.http.route } } : now;
}
/** The alias changes nothing in a request. */
const isPlain = ({ port, fields, into, fixed: implied }: Omit<ContractsFile['aliases'][number], 'from' | 'to'>): boolean =>
  [port, fields, into, implied].every((part) => part === undefined);

function oneEntry(old: EntryFact, now: EntryFact): Change[] {
  const where = old.address;
  if (old.kind !== now.kind) return [breaks(where, `was ${article(old.kind)}, is now ${article(now.kind)}`)];
  return [...policyChanges(where, old, now), ...errorChanges(where, old, now), ...partChanges(old, now)];
}
function partChanges(old: EntryFact, now: EntryFact): Change[] {
  return (['input', 'up', 'output', 'down', 'payload'] as const).flatMap((part) => {
    const [a, b] = [old[part], now[part]];
    const view: View = part === 'input' || part === 'up' ? 'input' : 'output';
    return a && b ? schemaChanges(`${old.address} ${part}`, a, b, view, { a, b }) : [];
  });
}
function article(kind: string): string {
  return kind === 'event' ? 'an event' : `a ${kind}`;
}

/** Properties on which a caller, a key, a journal row or a permission depends. */
const fixed = ['idempotency', 'owner', 'lane', 'unhashed', 'http', 'topic', 'overflow', 'key'] as const;
const told = ['summary', 'timeoutMs', 'ttlMs', 'deprecated', 'settles', 'bytes'] as const;
const strictness: Readonly<Record<string, number>> = { none: 0, staff: 1, customer: 2, both: 3 };

function policyChanges(where: string, old: EntryFact, now: EntryFact): Change[] {
  const change = (name: keyof EntryFact) => `${name}: ${show(old[name])} → ${show(now[name])}`;
  const comparable = (of: EntryFact, name: keyof EntryFact) => {
    if (name === 'http' && of.http !== undefined) {
      // Only the gateway fills in actor and viewer. Roles of people do not concern a caller with an API key.
      const { people: _, viewer: __, actor: ___, files: ____, scope, body, ...rest } = of.http;
      // The name of a parameter in a path is not sent.
      return {
        ...rest,
        body: isAlsoForm ? undefined : body,
        scope: isOpened ? 'admin' : scope,
        route: of.http.route.replace(/\{\w+\}/g, '{}'),
      };
    }
    // Without a new field the hash of an earlier input stays the same.
    if (name === 'unhashed') return (of.unhashed ?? []).filter((field) => old.input?.properties?.[field] !== undefined);
    return of[name];
  };
  // A key with the scope admin may do what every other key may.
  const isOpened = old.roles !== undefined && (old.http?.scope ?? 'admin') === 'admin';
  // A form is accepted beside JSON.
  const isAlsoForm = (old.http?.body ?? 'json') === 'json' && now.http?.body === 'multipart';
  // Without the gateway among its callers, a method had no route.
  const hadRoute = old.roles === undefined || old.roles.includes('gateway');
  const differs = (name: keyof EntryFact) => !isSame(comparable(old, name), comparable(now, name));
  const barred = now.roles !== undefined && (old.roles === undefined || old.roles.some((role) => !now.roles?.includes(role)));
  const stricter = (strictness[now.approval ?? 'none'] ?? 0) > (strictness[old.approval ?? 'none'] ?? 0);
  return [
    ...fixed
      .filter(differs)
      .map((name) => (name === 'http' && (!hadRoute || old.http === undefined) ? tells(where, change(name)) : breaks(where, change(name)))),
    ...told.filter(differs).map((name) => (name === 'settles' && old.settles ? breaks(where, change(name)) : tells(where, change(name)))),
    ...(differs('roles') ? [{ where, what: change('roles'), breaking: barred }] : []),
    ...(differs('reaches') ? [{ where, what: change('reaches'), breaking: now.reaches !== undefined }] : []),
    ...(differs('approval') ? [{ where, what: change('approval'), breaking: stricter }] : []),
  ];
}

function errorChanges(where: string, old: EntryFact, now: EntryFact): Change[] {
  const [before, after] = [old.errors ?? {}, now.errors ?? {}];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((reason) => {
    if (before[reason] === after[reason]) return [];
    const what = `error ${reason}: ${before[reason] ?? 'absent'} → ${after[reason] ?? 'absent'}`;
    return [{ where, what, breaking: before[reason] !== undefined && after[reason] !== undefined }];
  });
}

type Roots = { readonly a: JsonSchema; readonly b: JsonSchema };

/** `roots` contain the `$defs` of local references. A recursive schema is compared one level deep. */
function schemaChanges(where: string, givenA: JsonSchema, givenB: JsonSchema, view: View, roots: Roots, depth = 0): Change[] {
  const [a, b] = [resolveRef(roots.a, givenA), resolveRef(roots.b, givenB)];
  if (depth > 32 || isSame(a, b)) return [];
  // Readers of an open name expect values that they do not know.
  if (b.open && a.enum?.every((value) => typeof value === 'string' && new RegExp(b.pattern ?? '').test(value)))
    return [tells(where, `value: ${show(a.enum)} → an open name`)];
  const [casesA, casesB] = [alternatives(a), alternatives(b)];
  if (casesA.length > 0 || casesB.length > 0) return caseChanges(where, a, b, view, roots, depth);
  const inner = (name: string, x: JsonSchema | undefined, y: JsonSchema | undefined) =>
    x && y ? schemaChanges(`${where}/${name}`, x, y, view, roots, depth + 1) : [];
  return [
    ...setChanges(where, 'type', typesOf(a), typesOf(b), view),
    ...setChanges(where, 'value', valuesOf(a), valuesOf(b), view),
    ...limitChanges(where, a, b, view),
    ...fieldChanges(where, a, b, view),
    ...Object.keys(a.properties ?? {}).flatMap((name) => inner(name, a.properties?.[name], b.properties?.[name])),
    ...inner('*', asSchema(a.items), asSchema(b.items)),
    ...inner('*', asSchema(a.additionalProperties), asSchema(b.additionalProperties)),
    ...wordChanges(where, a, b),
  ];
}
const asSchema = (of: boolean | JsonSchema | undefined): JsonSchema | undefined => (typeof of === 'object' ? of : undefined);
const typesOf = (of: JsonSchema): readonly unknown[] | undefined => (of.type === undefined ? undefined : [of.type].flat());
const valuesOf = (of: JsonSchema): readonly unknown[] | undefined => of.enum ?? (of.const === undefined ? undefined : [of.const]);

/** Values or types; undefined means any. Inputs must not lose any; outputs must not gain any. */
function setChanges(
  where: string,
  word: string,
  a: readonly unknown[] | undefined,
  b: readonly unknown[] | undefined,
  view: View,
): Change[] {
  if (isSame(a, b)) return [];
  if (a === undefined) return [{ where, what: `${word}: any → ${show(b)}`, breaking: view === 'input' }];
  if (b === undefined) return [{ where, what: `${word}: ${show(a)} → any`, breaking: view === 'output' }];
  const lost = a.filter((one) => !b.some((other) => covers(other, one)));
  const gained = b.filter((one) => !a.some((other) => covers(other, one)));
  return [
    ...(lost.length > 0 ? [{ where, what: `${word} removed: ${lost.map(show).join(', ')}`, breaking: view === 'input' }] : []),
    ...(gained.length > 0 ? [{ where, what: `${word} added: ${gained.map(show).join(', ')}`, breaking: view === 'output' }] : []),
  ];
}
/** Every integer is a number. */
const covers = (wide: unknown, narrow: unknown): boolean => isSame(wide, narrow) || (wide === 'number' && narrow === 'integer');

const upper = ['maxLength', 'maxItems', 'maxProperties', 'maximum', 'exclusiveMaximum'] as const;
const lower = ['minLength', 'minItems', 'minProperties', 'minimum', 'exclusiveMinimum'] as const;
const shapes = ['pattern', 'format', 'contentEncoding', 'multipleOf'] as const;

function limitChanges(where: string, a: JsonSchema, b: JsonSchema, view: View): Change[] {
  const change = (name: keyof JsonSchema, narrower: boolean) =>
    isSame(a[name], b[name])
      ? []
      : [{ where, what: `${name}: ${show(a[name])} → ${show(b[name])}`, breaking: view === 'input' && narrower }];
  return [
    ...upper.flatMap((name) => change(name, (b[name] ?? Infinity) < (a[name] ?? Infinity))),
    ...lower.flatMap((name) => change(name, (b[name] ?? -Infinity) > (a[name] ?? -Infinity))),
    ...shapes.flatMap((name) => change(name, b[name] !== undefined)),
  ];
}

function fieldChanges(where: string, a: JsonSchema, b: JsonSchema, view: View): Change[] {
  const names = [...new Set([...Object.keys(a.properties ?? {}), ...Object.keys(b.properties ?? {})])];
  const closed = b.additionalProperties === false && a.additionalProperties !== false && a.type === 'object' && b.type === 'object';
  return [
    ...(closed && view === 'input' ? [breaks(where, 'unknown fields are now refused')] : []),
    ...names.flatMap((name) => {
      const at = `${where}/${name}`;
      const [had, has] = [a.properties?.[name] !== undefined, b.properties?.[name] !== undefined];
      const [was, is] = [a.required?.includes(name) ?? false, b.required?.includes(name) ?? false];
      if (!has) return [breaks(at, 'field removed')];
      if (!had) return [view === 'input' && is ? breaks(at, 'new required field') : tells(at, 'field added')];
      if (was === is) return [];
      return [{ where: at, what: is ? 'became required' : 'became optional', breaking: view === 'input' ? is : was }];
    }),
  ];
}

/** Cases of a union are matched by content; a plain schema is a union of one. */
function caseChanges(where: string, a: JsonSchema, b: JsonSchema, view: View, roots: Roots, depth: number): Change[] {
  const of = (schema: JsonSchema, root: JsonSchema) => {
    const cases = alternatives(schema);
    return (cases.length > 0 ? cases : [schema]).map((one) => resolveRef(root, one));
  };
  const changesOf = (x: JsonSchema, y: JsonSchema) => schemaChanges(where, x, y, view, roots, depth + 1);
  const [before, after] = [of(a, roots.a), of(b, roots.b)];
  const safe = (x: JsonSchema, y: JsonSchema) => !changesOf(x, y).some(({ breaking }) => breaking);
  const left = after.filter((y) => !before.some((x) => isSame(x, y)));
  const open = before.filter((x) => !after.some((y) => isSame(x, y)));
  // One unmatched case on each side, of the same type: a changed case, so compare inside it.
  const [x, y] = [open[0], left[0]];
  if (open.length === 1 && left.length === 1 && x && y && isSame(x.type, y.type)) return [...changesOf(x, y), ...wordChanges(where, a, b)];
  const lost = open.filter((one) => !after.some((other) => safe(one, other)));
  const gained = left.filter((one) => !before.some((other) => safe(other, one)));
  return [
    ...lost.map((one) => ({ where, what: `case removed: ${brief(one)}`, breaking: view === 'input' })),
    // Readers of an open union expect cases that they do not know.
    ...gained.map((one) => ({ where, what: `case added: ${brief(one)}`, breaking: view === 'output' && !b.open })),
    ...wordChanges(where, a, b),
  ];
}

function wordChanges(where: string, a: JsonSchema, b: JsonSchema): Change[] {
  return (['default', 'description', 'examples', 'deprecated', 'pii'] as const)
    .filter((name) => !isSame(a[name], b[name]))
    .map((name) => tells(where, `${name}: ${show(a[name])} → ${show(b[name])}`));
}

function aliasChanges(before: ContractsFile, after: ContractsFile): Change[] {
  return before.aliases.flatMap((old) => {
    const now = after.aliases.find(({ from, port }) => from === old.from && port === old.port);
    if (now === undefined) return [breaks(`${old.to} alias ${old.from}`, 'removed')];
    return isSame(old, now) ? [] : [breaks(`${old.to} alias ${old.from}`, `${show(old)} → ${show(now)}`)];
  });
}

/** A run in progress resumes by step name, so released steps must remain, in order; steps may be added anywhere. */
function pipelineChanges(before: ContractsFile, after: ContractsFile): Change[] {
  return Object.entries(before.pipelines).flatMap(([name, old]) => {
    const now = after.pipelines[name];
    const where = `${old.method} pipeline`;
    return now === undefined ? [breaks(where, 'removed')] : stepChanges(where, old, now);
  });
}

function stepChanges(where: string, old: PipelineFact, now: PipelineFact): Change[] {
  const find = (of: PipelineFact, name: string) => of.steps.find((step) => step.name === name);
  const same = (a: StepFact, b: StepFact) => a.kind === b.kind && a.target === b.target;
  const gone = old.steps.filter(({ name }) => !find(now, name));
  const come = now.steps.filter(({ name }) => !find(old, name));
  const renamed = (step: StepFact) => come.find((other) => same(step, other));
  const stayed = old.steps.filter(({ name }) => find(now, name)).map(({ name }) => name);
  const order = now.steps.filter(({ name }) => find(old, name)).map(({ name }) => name);
  return [
    ...gone.map((step) => breaks(`${where}/${step.name}`, renamed(step) ? `step renamed to ${renamed(step)?.name}` : 'step removed')),
    ...come.filter((step) => !gone.some((other) => renamed(other) === step)).map(({ name }) => tells(`${where}/${name}`, 'step added')),
    ...old.steps.flatMap((step) => {
      const other = find(now, step.name);
      if (other === undefined || same(step, other)) return [];
      const isLength = step.kind === 'delay' && other.kind === 'delay';
      return [{ where: `${where}/${step.name}`, what: `${step.kind} ${step.target} → ${other.kind} ${other.target}`, breaking: !isLength }];
    }),
    ...(isSame(stayed, order) ? [] : [breaks(where, `steps reordered: ${stayed.join(', ')} → ${order.join(', ')}`)]),
  ];
}

function isSame(a: unknown, b: unknown): boolean {
  return (a === undefined) === (b === undefined) && canonical(a) === canonical(b);
}
function show(value: unknown): string {
  return value === undefined ? 'absent' : typeof value === 'string' ? value : JSON.stringify(value);
}
function brief(schema: JsonSchema): string {
  return show(schema.const ?? schema.enum ?? schema.type ?? 'any');
}

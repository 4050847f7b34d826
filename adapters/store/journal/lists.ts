/** Lists and counts of rows for people. Each reads its rows from an index, up to a limit, so that none reads rows that it does not show. */
import { codes } from '../../../contracts/kit/errors.ts';
import { mostCounted, rowStates } from '../../../contracts/kit/row-state.ts';

export type View = 'runs' | 'stuck' | 'approvals' | 'reviews' | 'dead_letters' | 'all';
export interface Filter {
  readonly view: View;
  readonly state?: string | undefined;
  /** An address, or a prefix with `*`. */
  readonly method?: string | undefined;
  readonly runId?: string | undefined;
  readonly traceId?: string | undefined;
  /** A reason, or the code of an error. */
  readonly reason?: string | undefined;
  readonly since?: string | undefined;
  /** Only rows that this manager may see. */
  readonly manager?: string | undefined;
}
export interface Listing extends Filter {
  readonly limit: number;
  /** Rows after this one, by the `place` of a listed row. */
  readonly before?: string | undefined;
}
/** Rows with one state, method and reason. */
export interface Group {
  readonly view: View;
  readonly state: string;
  readonly method: string;
  /** Null where rows of several reasons, or of none, are counted together. */
  readonly reason: string | null;
  /** Counted from the oldest, up to `mostCounted`. */
  readonly rows: number;
  readonly oldest_at: Date;
}
export interface DeadGroup {
  readonly method: string;
  readonly reason: string;
  readonly rows: number;
  readonly oldest_at: Date;
  readonly newest_at: Date;
  /** The newest. */
  readonly example_id: string;
}

const modes = ['call', 'send', 'step', 'run', 'wait', 'event'] as const;
/** The states and modes of the rows that each view shows. */
const views: Readonly<Record<View, { readonly states: readonly string[]; readonly modes: readonly string[] }>> = {
  runs: { states: rowStates, modes: ['run'] },
  stuck: { states: ['queued', 'attempting', 'waiting'], modes: ['run'] },
  approvals: { states: ['proposed'], modes },
  reviews: { states: ['review'], modes },
  dead_letters: { states: ['failed', 'expired'], modes: ['send', 'run', 'event'] },
  all: { states: rowStates, modes },
};
export const isDead = `state in ('failed', 'expired') and mode in ('send', 'run', 'event')`;
const isAboutChat = `input->>'chatId' is not null`;
const youngestFirst = 'order by created_at desc, seq desc';

/**
 * Rows about chats of other people are hidden from a manager; rows about no chat unless staff approves them, and where they name the phone
 * of another manager's client.
 */
export const isSeenBy = (manager: string): string =>
  `case when rows.input->>'chatId' is null then rows.approval in ('staff', 'both')
       and coalesce((select bool_or(${manager} = any (person_ids)) from journal.phone_owners where phone_number = rows.input->>'phoneNumber'), true)
     else coalesce((select person_id from journal.chat_owners where chat_id = rows.input->>'chatId'), ${manager}) = ${manager} end`;

/** All methods of rows for which `where` is true, each found by one index step. */
const methodsWhere = (name: string, where: string): string =>
  `${name} as (
    (select min(method) as method from journal.rows where ${where})
    union all
    select (select min(method) from journal.rows where ${where} and method > ${name}.method) from ${name} where ${name}.method is not null)`;
const methodsOf = (sources: readonly Source[]): readonly string[] =>
  sources.flatMap(({ name, where }) => (name === null ? [] : [methodsWhere(name, where)]));
/** All methods with rows. */
export const methodsIn = `with recursive ${methodsWhere('methods', `state <> 'attempting'`)}`;

/**
 * Runs that should go on and do not, counted up to `mostCounted`: for five minutes a run is due and not taken, or its holder is gone; or
 * one of its steps is in review.
 */
const stuckIds = `array(
  select id from (
    (select due.id from (${distinctPipelines('waiting')}) methods cross join lateral (
       select id from journal.rows where method = methods.method and state = 'waiting' and mode = 'run' and not_before < now() - interval '5 minutes' limit ${mostCounted}) due)
    union
    (select due.id from (${distinctPipelines('queued')}) methods cross join lateral (
       select id from journal.rows where method = methods.method and state = 'queued' and mode = 'run' and not_before < now() - interval '5 minutes' limit ${mostCounted}) due)
    union
    (select id from journal.rows where state = 'attempting' and mode = 'run' and lease_until < now() - interval '5 minutes')
    union
    (select run.id from (select parent from journal.rows where state = 'review' and parent is not null limit ${mostCounted}) step
       join journal.rows run on run.id = step.parent and run.state = 'waiting')) stuck limit ${mostCounted})`;
function distinctPipelines(state: string): string {
  return `select method from methods where exists (select from journal.rows r where r.method = methods.method and r.state = '${state}' and r.mode = 'run' and r.state <> 'attempting')`;
}

/** Rows that one index holds in the order of state, mode and age, of each method or of all. */
interface Source {
  /** Name of the methods among them, in the statement; null where the index holds all of them together. */
  readonly name: string | null;
  readonly where: string;
}

/** The statement parts of a filter, and the values of the parameters that they use. */
function partsOf(filter: Filter) {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  /** A part that becomes a parameter when it is first used: PostgreSQL refuses unused ones. */
  const lazily = (value: unknown): (() => string) => {
    let name: string | undefined;
    return () => (name ??= parameter(value));
  };
  const where: string[] = [];
  const add = <T>(value: T | undefined, clause: (value: T) => string): void => {
    if (value !== undefined) where.push(clause(value));
  };
  add(filter.runId, (runId) => `parent = ${parameter(runId)}`);
  add(filter.traceId, (traceId) => `substr(traceparent, 4, 32) = ${parameter(traceId)}`);
  add(filter.since, (since) => `created_at >= ${parameter(since)}`);
  if (filter.view === 'approvals') where.push(`approval <> 'customer'`); // Only the customer can confirm such a row.
  const view = views[filter.view];
  const states = lazily(view.states.filter((state) => filter.state === undefined || state === filter.state));
  const shownModes = lazily(view.modes);
  const pattern = filter.method ?? '*';
  const method = lazily(pattern);
  const reason = filter.reason === undefined ? undefined : parameter(filter.reason);
  const manager = filter.manager === undefined ? undefined : parameter(filter.manager);
  if (manager !== undefined) where.push(isSeenBy(manager));
  const isMethod = (column: string): string =>
    pattern === '*' ? 'true' : pattern.endsWith('*') ? `starts_with(${column}, left(${method()}, -1))` : `${column} = ${method()}`;
  return {
    values,
    parameter,
    where,
    reason,
    manager,
    isMethod,
    isShown: () => `state = any (${states()}) and mode = any (${shownModes()})`,
    each: () => `unnest(${states()}::text[]) states (state) cross join unnest(${shownModes()}::text[]) modes (mode)`,
    sources: sourcesOf({ reason, isCode: filter.reason !== undefined && Object.hasOwn(codes, filter.reason), manager }),
  };
}

interface SourceFilter {
  /** Its parameter. */
  readonly reason: string | undefined;
  readonly isCode: boolean;
  /** Its parameter. */
  readonly manager: string | undefined;
}
/** Together they hold every row of the filter but, without a reason or a manager, those under way. */
function sourcesOf({ reason, isCode, manager }: SourceFilter): readonly Source[] {
  // The indexes by reason end with the method, which is compared without a look at the row.
  const byReason = { name: null, where: `reason = ${reason}` };
  if (isCode) return [{ name: null, where: `error->>'code' = ${reason} and error is not null` }, byReason];
  const failed = reason === undefined ? '' : ` and reason = ${reason}`;
  const name = <T extends string>(of: T): T | null => (reason === undefined ? of : null);
  if (manager === undefined)
    return [{ name: name('methods'), where: reason === undefined ? `state <> 'attempting'` : `reason = ${reason}` }];
  return [
    { name: name('own'), where: `${isAboutChat} and coalesce(owner, '') = ${manager}${failed}` },
    { name: name('free'), where: `${isAboutChat} and coalesce(owner, '') = ''${failed}` },
    { name: 'of_staff', where: `input->>'chatId' is null and approval in ('staff', 'both')${failed}` },
  ];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}
/** Newest first. @param columns of the rows. */
export function listStatement(filter: Listing, columns: string): Statement {
  const { values, parameter, where, reason, manager, isMethod, isShown, each, sources } = partsOf(filter);
  if (filter.before !== undefined) {
    const [microseconds, seq] = filter.before.split('.');
    where.push(
      `(created_at, seq) < (timestamptz 'epoch' + ${parameter(microseconds)} * interval '1 microsecond', ${parameter(seq)}::bigint)`,
    );
  }
  const limit = parameter(filter.limit);
  const found = (...clauses: readonly string[]): string =>
    `(select id, created_at, seq from journal.rows where ${[...where, ...clauses].join(' and ')} ${youngestFirst} limit ${limit})`;
  const page = (from: readonly string[], methods: readonly string[] = []): Statement => ({
    text: `${methods.length === 0 ? '' : `with recursive ${methods.join(', ')}`} select ${columns} from journal.rows
      where id = any (array(select id from (${from.join(' union ')}) found ${youngestFirst} limit ${limit})) ${youngestFirst}`,
    values,
  });
  const isEach = ['state = states.state', 'mode = modes.mode'];
  const rowsOf = ({ name, where: of }: Source): string =>
    name === null
      ? `(select rest.* from ${each()} cross join lateral ${found(of, isMethod('method'), ...isEach)} rest)`
      : `(select rest.* from ${name} methods cross join ${each()} cross join lateral ${found(of, 'method = methods.method', ...isEach)} rest where ${isMethod('methods.method')})`;
  const shown = (...clauses: readonly string[]): string => found(...clauses, isShown(), isMethod('method'));
  const underWay = (): string => shown(`state = 'attempting'`);

  const ofReason = reason === undefined ? [] : [`(reason = ${reason} or error->>'code' = ${reason})`];
  if (filter.view === 'stuck')
    return page([shown(`id = any (${stuckIds})`, ...ofReason)], [methodsWhere('methods', `state <> 'attempting'`)]);
  if (filter.runId !== undefined || filter.traceId !== undefined) return page([shown(...ofReason)]);
  if (reason !== undefined || manager !== undefined) return page(sources.map(rowsOf), methodsOf(sources));
  if (filter.method === undefined) return page([rowsOf({ name: null, where: `state <> 'attempting'` }), underWay()]);
  return page([...sources.map(rowsOf), underWay()], methodsOf(sources));
}

/** Counts of a view by state, method and reason. */
export function summaryStatement(filter: Pick<Filter, 'view' | 'manager'>): Statement {
  const { values, where, manager, isShown, each, sources } = partsOf(filter);
  const hasReasons = filter.view === 'reviews' || filter.view === 'stuck' || filter.view === 'dead_letters';
  const counted = (from: string): string =>
    `select '${filter.view}' as view, state, method, reason, sum(rows)::int as rows, min(oldest_at) as oldest_at from (${from}) counted group by state, method, reason`;
  const rowsOf = (of: string, order = 'order by created_at'): string =>
    `(select state, method, ${hasReasons ? 'reason' : 'null::text as reason'}, created_at from journal.rows where ${[...where, of].join(' and ')} ${order} limit ${mostCounted + 1})`;
  const grouped = (from: string): string =>
    `select state, method, reason, count(*) as rows, min(created_at) as oldest_at from ${from} rows_of group by state, method, reason`;
  if (filter.view === 'stuck')
    return {
      text: `with recursive ${methodsWhere('methods', `state <> 'attempting'`)} ${counted(grouped(rowsOf(`id = any (${stuckIds})`)))}`,
      values,
    };
  if (filter.view === 'dead_letters' && manager === undefined)
    return {
      text: `${deadGroups} ${counted(deadCounts('c.state, groups.method, groups.reason, count(*) as rows, min(c.created_at) as oldest_at', 'c.state, '))}`,
      values: [],
    };
  if (filter.view === 'dead_letters') {
    // By the person whom the rows name: the index holds all that is compared, so that no row is read.
    const ofOwner = (owner: string): string =>
      grouped(`(select state, method, reason, created_at from journal.rows
        where ${isAboutChat} and coalesce(owner, '') = ${owner} and reason is not null and ${isDead} limit ${mostCounted + 1})`);
    const aboutNone = grouped(rowsOf(`input->>'chatId' is null and approval in ('staff', 'both') and ${isDead}`));
    return { text: counted([ofOwner(`${manager}`), ofOwner(`''`), aboutNone].join(' union all ')), values };
  }
  const parts = sources.map(
    ({ name, where: of }) =>
      `select counted.* from ${name} methods cross join ${each()} cross join lateral (
        ${grouped(rowsOf(`${of} and method = methods.method and state = states.state and mode = modes.mode`, 'order by created_at, seq'))}) counted`,
  );
  if (manager === undefined) parts.push(grouped(rowsOf(`state = 'attempting' and ${isShown()}`)));
  return {
    text: `with recursive ${methodsOf(sources).join(', ')} ${counted(parts.join(' union all '))}`,
    values,
  };
}

/** All methods and reasons of dead letters, each found by one index step. */
const deadGroups = `with recursive groups as (
  (select method, reason from journal.rows where ${isDead} order by method, reason limit 1)
  union all
  select next.method, next.reason from groups cross join lateral (
    select method, reason from journal.rows where ${isDead} and (method, reason) > (groups.method, groups.reason) order by method, reason limit 1) next)`;
const deadCounts = (columns: string, by = ''): string =>
  `select ${columns} from groups cross join lateral (
     select state, created_at from journal.rows where ${isDead} and method = groups.method and reason = groups.reason order by created_at, seq limit ${mostCounted + 1}) c
   group by ${by}groups.method, groups.reason`;
/** Dead letters by method and reason, the largest groups first. @param `$1` at most so many. */
export const deadGroupsStatement = `${deadGroups}
  select counted.*, newest.id as example_id, newest.created_at as newest_at
  from (${deadCounts('groups.method, groups.reason, count(*)::int as rows, min(c.created_at) as oldest_at')}) counted
  cross join lateral (
    select id, created_at from journal.rows where ${isDead} and method = counted.method and reason = counted.reason ${youngestFirst} limit 1) newest
  order by rows desc, counted.method, counted.reason limit $1`;

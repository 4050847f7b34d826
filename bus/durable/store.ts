/** The port under the journal, which PostgreSQL implements (adapters/store). */
import type { Approval } from '../../contracts/kit/define.ts';
import type { RowState } from '../../contracts/kit/row-state.ts';
import type { Database, Forgotten, Queries } from '../service.ts';

export type { RowState } from '../../contracts/kit/row-state.ts';

export type RowMode = 'call' | 'send' | 'step' | 'run' | 'wait' | 'event';
export type Handling = 'function' | 'review' | 'look_up' | 'claim';

/** A problem body as a row stores it. */
export interface RowError {
  readonly code: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly outcome?: string;
  readonly retryAfterMs?: number;
  readonly data?: unknown;
}
/** A row as the runtime uses it. Times are Unix ms. */
export interface Row {
  readonly id: string;
  readonly method: string;
  readonly key: string;
  readonly mode: RowMode;
  readonly state: RowState;
  readonly input: unknown;
  readonly output: unknown;
  readonly error: RowError | null;
  readonly attempts: number;
  /** Consecutive holders that died or stalled with the row. */
  readonly takeovers: number;
  readonly token: string;
  readonly ref: string;
  readonly parent: string | null;
  readonly step: string | null;
  readonly edition: number;
  readonly editions: Readonly<Record<string, number>> | null;
  readonly edits: Readonly<Record<string, unknown>> | null;
  readonly traceparent: string | null;
  readonly caller: string | null;
  readonly createdAt: number;
  /** When its latest attempt began; before any, when it was created. */
  readonly attemptedAt: number;
  readonly notBefore: number;
  readonly notAfter: number | null;
  /** From reading the row to `notAfter`, by PostgreSQL's clock; null where it was not read as a step. */
  readonly leftMs: number | null;
  /** `performance.now()` when it was read. */
  readonly readAt: number;
  readonly leaseUntil: number | null;
  readonly settleAt: number | null;
}
/** What becomes of an attempt whose outcome is unknown, and how long after it. */
export interface UnknownPolicy {
  readonly handling: Handling;
  readonly settleMs: number;
}
export interface RowPolicy extends UnknownPolicy {
  readonly method: string;
  readonly settles: boolean;
}
/** The policy of all rows of a method; `byField`: of those with one of these values in a field of the input, `absent` without the field. */
export interface MethodPolicy extends RowPolicy {
  readonly byField?: { readonly field: string; readonly absent: string | null; readonly of: Readonly<Record<string, UnknownPolicy>> };
}
export interface AcquireRequest extends RowPolicy {
  readonly id: string;
  readonly key: string;
  readonly hash: string;
  readonly mode: 'call' | 'run' | 'step';
  /** The run's step that makes the call; its row is created with its attempt. */
  readonly of?: StepOf | undefined;
  readonly input: unknown;
  readonly lane: string | null;
  readonly approval: Approval;
  /** Unix ms; no attempt begins after it. */
  readonly notAfter: number | null;
  /** Unix ms; no attempt is acquired when PostgreSQL's clock is past it. */
  readonly deadlineAt: number;
  readonly caller: string;
  readonly traceparent: string;
  readonly token: string;
  /** The commit need not wait for the disk: after its loss the holder of the run only repeats the attempt. */
  readonly relaxed?: boolean;
}
/** Names a step by its run; the run's token proves that the caller holds it. */
export interface StepOf {
  readonly run: string;
  readonly runToken: string;
  readonly edition: number;
  readonly name: string;
  /** The run is in its first attempt and has created no row for the step, so there is none unless another process took the run over. */
  readonly isNew: boolean;
}
/** taken: the attempt is acquired. settled: the row has an outcome, or waits for one that this call cannot produce. busy: an attempt is running.
 *  clash: the key was used with another input. lane: another row of the lane is running. later: its time has not come.
 *  lost: the caller no longer holds the run of the step. */
export type AcquireResult =
  | { readonly did: 'taken'; readonly row: Pick<Row, 'id' | 'ref'> & Partial<Row> }
  | { readonly did: 'settled' | 'busy' | 'later'; readonly row: Row }
  | { readonly did: 'clash' | 'proposed'; readonly row: Pick<Row, 'id'> }
  | { readonly did: 'lane' | 'paused' | 'late' | 'lost' };
export interface NewSend {
  readonly id: string;
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly input: unknown;
  readonly lane: string | null;
  readonly approval: Approval;
  readonly settles: boolean;
  readonly notBefore: number | null;
  /** How long an approval can be taken back; 0. */
  readonly undoMs?: number;
  /** How many people must approve it; 1. */
  readonly approvers?: number;
  /** How long after `notBefore` a first attempt may begin. */
  readonly ttlMs: number;
  readonly caller: string;
  readonly traceparent: string | null;
}
export interface NewEvent {
  readonly event: string;
  readonly key: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
}
/** One line of a row's history. */
export interface LogLine {
  readonly ms: number | null;
  readonly code: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly evidence: unknown;
}
/** The end of an attempt. `keep`: the row continues in another state. */
export interface Ending {
  readonly state: RowState;
  readonly output?: unknown;
  readonly error?: RowError | null;
  /** Unix ms, for queued and waiting. */
  readonly notBefore?: number;
  readonly log?: LogLine;
}
export interface NewStep {
  readonly id: string;
  readonly run: Pick<Row, 'id' | 'token' | 'traceparent'>;
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly step: string;
  readonly edition: number;
  readonly input: unknown;
  readonly mode: 'step' | 'wait';
  readonly state: 'proposed' | 'queued' | 'waiting' | 'done';
  /** What a person must do before the step begins; none. */
  readonly approval?: Approval;
  readonly waitKey: string | null;
  /** Wait, delay or proposal: until when, ms from now. */
  readonly untilMs: number | null;
}
/** An event in a consumer's order. */
export interface EventRow {
  readonly id: string;
  readonly xid: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
}

/** A row whose personal data is due to be blanked. */
export interface BlankableRow {
  readonly id: string;
  readonly method: string;
  readonly input: unknown;
  readonly output: unknown;
}

/** Attempts of rows: acquired, claimed, ended, renewed and looked up. */
export interface AttemptStore {
  /** Creates the row and acquires its attempt in one statement, or returns why not. `on`: the transaction of the guards; null: none. */
  acquire(on: Queries | null, request: AcquireRequest, holder: string, leaseMs: number): Promise<AcquireResult>;
  /** Leases due rows, and functions and runs whose holder is gone. A row that lost several holders waits longer and is claimed alone. */
  claim(policies: Readonly<Record<string, MethodPolicy>>, holder: string, leaseMs: number, atMost: number): Promise<readonly Row[]>;
  /** `on` as for `take`. False when the lease was lost: nothing was written. The lease of a row that was taken over is lost once it runs out, even before the next takeover. */
  end(on: Queries | null, id: string, token: string, ending: Ending): Promise<boolean>;
  /** Creates the row of a new step together with its end. `on` as for `acquire`. False when the run was lost or the step has a row: nothing was written. */
  makeDone(on: Queries | null, request: AcquireRequest, holder: string, output: unknown): Promise<boolean>;
  /** True when nothing was paused a moment ago (`pauseSettleMs`), so that an attempt may begin without a query. */
  isUnpaused(): boolean;
  /** Ends an attempt with an unknown outcome: the row becomes unknown, or goes to review if it has no look-up. */
  markUnknown(id: string, token: string, error: RowError, log: LogLine): Promise<boolean>;
  /** Renews leases; returns the valid tokens. A valid lease that is not renewed is locked by another transaction, perhaps the one that ends it. */
  renew(tokens: readonly string[], leaseMs: number): Promise<readonly { readonly token: string; readonly isRenewed: boolean }[]>;
  /** Moves abandoned rows; returns their number. */
  sweep(methods: readonly string[]): Promise<number>;
  /** Unknown rows that are due for a look-up; each is reserved for `leaseMs`. */
  toLookUp(methods: readonly string[], leaseMs: number, atMost: number): Promise<readonly Row[]>;
  /** Stores the result of a look-up; false when the row was attempted again meanwhile. */
  resolve(row: Pick<Row, 'id' | 'attempts'>, ending: Ending): Promise<boolean>;
  read(id: string): Promise<Row | null>;
}
/** Rows sent in a transaction. */
export interface SendStore {
  /** Returns the methods whose key exists in the journal with another input. */
  send(on: Queries, rows: readonly NewSend[]): Promise<readonly string[]>;
  /** Makes sent rows under these keys stale unless they have begun. */
  markStale(on: Queries, method: string, keys: readonly string[], why: string): Promise<void>;
}
/** Runs of pipelines and their steps. */
export interface RunStore {
  steps(run: string): Promise<readonly Row[]>;
  /** Creates a step's row once; null when the run's lease was lost. */
  putStep(step: NewStep): Promise<Row | null>;
  /** Ends a step that has no attempt of its own: a wait, a delay, a read. */
  endStep(id: string, ending: Ending): Promise<boolean>;
  /** Parks the run until its step changes, or `untilMs`; false when the step has already changed or the lease was lost. */
  park(run: Pick<Row, 'id' | 'token'>, stepId: string | null, untilMs: number, error: RowError | null): Promise<boolean>;
  /** The first event of this key since `sinceMs`. */
  firstEvent(event: string, key: string, sinceMs: number): Promise<EventRow | null>;
  /** Delivers an event to the waits for it. */
  wakeWaits(on: Queries, event: string, key: string, payload: unknown): Promise<void>;
}
/** Durable events and the cursors of their consumers. */
export interface EventStore {
  emit(on: Queries, events: readonly NewEvent[]): Promise<void>;
  /** Renumbers events and cursors of another PostgreSQL cluster; returns whether there were any. */
  renumber(): Promise<boolean>;
  /** A new consumer starts at the cursor of `after` if it exists, else with the oldest stored event or with future ones. */
  register(consumer: string, event: string, start?: { readonly after?: string; readonly fromOldest?: boolean }): Promise<void>;
  /** Leases the events after the cursor. None: no event, leased by another instance, or not due for a retry. Lost holders are counted as
   *  for rows; at the limit the event becomes a dead letter. `isAlone`: a holder was lost here, so events are handled one by one.
   *  @param lease `was`: the token of this process's former lease, which it may follow at once.
   *  @throws PolybError failed_precondition/another_cluster when the cursor needs `renumber`. */
  takeEvents(
    consumer: string,
    event: string,
    lease: { readonly token: string; readonly was: string | null; readonly leaseMs: number; readonly deadId: string },
    atMost: number,
  ): Promise<readonly (EventRow & { readonly isAlone: boolean })[]>;
  renewEvents(consumer: string, token: string, leaseMs: number): Promise<void>;
  /** Locks the cursor and reads the next events; null when another instance has it or its retry is not due.
   *  @throws PolybError failed_precondition/another_cluster when the cursor needs `renumber`. */
  nextEvents(on: Queries, consumer: string, event: string, atMost: number): Promise<readonly EventRow[] | null>;
  /** False when the lease was lost. Without a token: for a locked cursor. */
  advance(on: Queries, consumer: string, past: EventRow, token?: string): Promise<boolean>;
  /** Counts a failure of the event at the cursor and postpones its retry, except after the last of `giveUpAfter`; returns the count, 0 when the lease was lost. */
  recordFailure(
    consumer: string,
    token: string,
    how: { readonly firstMs: number; readonly lastMs: number; readonly giveUpAfter: number | null; readonly error: string },
  ): Promise<number>;
  deadLetter(on: Queries, consumer: string, id: string, row: EventRow, error: RowError): Promise<void>;
}
export interface LoopStore {
  announceLoops(service: string, loops: readonly { readonly name: string; readonly schedule: string }[]): Promise<void>;
  /** Returns how many consecutive holders died or stalled in a turn, null while another holds the loop. Each of them prolongs the wait. */
  leaseLoop(service: string, name: string, holder: string, leaseMs: number): Promise<number | null>;
  /** Takes a job's time (Unix ms) for one of all processes; false also when PostgreSQL's clock is more than a minute before it. */
  takeTime(service: string, name: string, at: number): Promise<boolean>;
  /** How a turn ended. */
  reportLoop(service: string, name: string, report: { readonly error: string | null; readonly nextRunAt: number | null }): Promise<void>;
  releaseLoops(holder: string): Promise<void>;
  requestedLoops(service: string): Promise<readonly string[]>;
}
/** Retention, erasure, and the schemas that mask rows. */
export interface RetentionStore {
  /** Blanks rows and deletes events that mention a person, and cancels unfinished rows. */
  forget(on: Queries, person: Forgotten): Promise<void>;
  /** Deletes some of the rows that ended, or were inactive, `keepDays` ago, but no step of an unfinished run; returns their number,
   *  0 when none is left. */
  retain(keepDays: number): Promise<number>;
  /** Some of the rows that ended `days` ago and are not blanked, but no step of an unfinished run. */
  toBlank(days: number): Promise<readonly BlankableRow[]>;
  blank(rows: readonly BlankableRow[]): Promise<void>;
  /** As `retain`, of events by their age. */
  forgetEvents(keepDays: number): Promise<number>;
  announceMethods(
    service: string,
    methods: readonly { readonly method: string; readonly input: unknown; readonly output: unknown }[],
  ): Promise<void>;
  /** The schemas that mask rows, of every announced method. */
  schemas(): Promise<readonly { readonly method: string; readonly input: object; readonly output: object }[]>;
}
export interface JournalStore extends AttemptStore, SendStore, RunStore, EventStore, LoopStore, RetentionStore {}
export interface Store extends Database {
  /** A transaction that the caller ends. */
  begin(): Promise<Queries & { commit(): Promise<void>; rollback(): Promise<void> }>;
  readonly journal: JournalStore;
}

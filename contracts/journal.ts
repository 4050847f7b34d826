/**
 * The journal: every keyed call, effect, approval, pipeline run and dead letter is one of its rows.
 * `approvals`, `reviews`, `dlq` and `runs` on the command line are filters over `journal.list`.
 */
import { z } from 'zod';
import { Actor, Id, Json, Key, Line, OnBehalfOf, PageInput, pageOf, Timestamp, Viewer } from './common.ts';
import { contract, event, method, personRoles, stream } from './kit/define.ts';
import { mostCounted, rowStates } from './kit/row-state.ts';

/**
 * proposed: waits for approval. queued: due at `notBefore`. attempting: an instance works on it under a lease. waiting: a run that waits for a step,
 * an event or a time. unknown: the outcome of an attempt is being looked up. review: a person must resolve it. The others are final.
 * Rows of one lane run in order; rows behind one that is unknown or in review wait for it.
 */
export const RowState = z.enum(rowStates);
/** Origin of a row: a call, a `tx.send`, a step of a run, a run, a wait of a run, or an event that a consumer could not process. */
export const RowMode = z.enum(['call', 'send', 'step', 'run', 'wait', 'event']);
/**
 * Predefined filters of the journal. stuck: runs that should go on and do not: for five minutes a run is due and not taken, or its holder
 * is gone; or one of its steps is in review.
 */
export const RowView = z.enum(['runs', 'stuck', 'approvals', 'reviews', 'dead_letters', 'all']);

/** How a person resolves a row in review. */
export const ReviewAnswer = z.enum(['happened', 'try_again', 'give_up']);
/** Effect of each answer. */
export const effectOf: Readonly<Record<z.output<typeof ReviewAnswer>, string>> = {
  happened: 'The row counts as done; nothing is sent.',
  try_again:
    'The row is attempted again; if the first attempt took effect, the effect happens twice. A call fails instead, and its caller may repeat it.',
  give_up: 'The row is cancelled; nothing is sent.',
};

const Attempt = z.object({
  at: Timestamp,
  by: z.string().max(100).describe('The instance that made the attempt.'),
  ms: z.number().min(0).max(1e9).nullable(),
  code: z.string().max(40).describe('ok, or an error code.'),
  reason: z.string().max(64).nullable(),
  message: z.string().max(2000).nullable(),
  evidence: Json.nullable().describe('Request line, status and last bytes of the reply, masked.'),
});
const RowHead = z.object({
  id: Id,
  method: z.string().max(130),
  key: Key,
  mode: RowMode,
  state: RowState,
  step: z.string().max(64).nullable(),
  runId: Id.nullable(),
  attempts: z.int().min(0),
  reason: z.string().max(64).nullable(),
  error: z.string().max(2000).nullable(),
  notBefore: Timestamp.nullable(),
  heldBy: Actor.nullable().describe('The person who holds a proposed row; only they may decide on it meanwhile.'),
  waitsFor: Id.nullable().describe('The row of the same lane whose outcome is unknown; until it is resolved, the lane waits.'),
  behind: z.int().min(0).describe('Rows of the lane that wait for the outcome of this one.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export const JournalRow = RowHead.extend({
  hash: z.string().max(64).describe('The version to which an approval applies.'),
  input: Json.describe('Masked, unless revealed.'),
  output: Json.nullable(),
  caller: z.string().max(100).nullable(),
  lane: z.string().max(200).nullable(),
  traceId: z.string().max(32).nullable(),
  approval: z.enum(['none', 'staff', 'customer']).describe('Whose approval the row needs; `staff` also where it needs both.'),
  needsCustomer: z.boolean().default(false).describe('The customer must confirm the row.'),
  approvers: z.int().min(1).max(2).describe('How many people must approve the row.'),
  approvedBy: z.array(Actor).max(2).describe('People who have approved the current version.'),
  isConfirmed: z.boolean().default(false).describe('The customer has confirmed the current version.'),
  notAfter: Timestamp.nullable(),
  settleAt: Timestamp.nullable(),
  onUnknown: z.enum(['review', 'look_up', 'claim', 'function']).nullable(),
  log: z.array(Attempt).max(200).describe('Attempts and later findings about them, oldest first.'),
  audit: z.array(z.object({ at: Timestamp, who: Actor, did: z.string().max(40), why: z.string().max(200).nullable() })).max(200),
  steps: z
    .array(
      RowHead.extend({
        input: Json.nullable(),
        output: Json.nullable(),
        startedAt: Timestamp.nullable(),
        endedAt: Timestamp.nullable(),
        edition: z.int(),
      }),
    )
    .max(200),
});

const one = z.strictObject({ id: Id, viewer: Viewer });
const why = Line.optional().describe('Recorded in the audit.');
/** For the command line, and over HTTP for API keys and people. */
const people = { roles: ['operator', 'gateway'] as const };
const onBehalfOf = OnBehalfOf.describe(
  'The person who decides, as named by the calling service; recorded in the audit after the name of the service.',
);
const rowErrors = {
  decided: 'conflict',
  stale: 'conflict',
  held: 'conflict',
  same_person: 'conflict',
  hash_mismatch: 'failed_precondition',
  wrong_state: 'failed_precondition',
  outcome_unknown: 'failed_precondition',
  not_editable: 'invalid_argument',
  customer_decides: 'failed_precondition',
  staff_decides: 'failed_precondition',
} as const;
const Row = JournalRow;
/** Views whose rows are counted; `all` only grows. */
const CountedView = RowView.exclude(['all']);
const Count = {
  count: z.int().min(0).max(mostCounted),
  isMore: z.boolean().describe(`There are more than ${mostCounted}.`),
  oldestAt: Timestamp.nullable().describe('When the oldest row was created.'),
};
const Replay = z.object({
  replayId: Id,
  method: z.string().max(130),
  reason: z.string().max(64),
  perSecond: z.number(),
  most: z.int(),
  state: z.enum(['running', 'done', 'cancelled']),
  retried: z.int().min(0),
  skipped: z.int().min(0).describe('Rows that were no dead letters any more, or whose outcome is unknown.'),
  who: Actor,
  why: z.string().max(200).nullable(),
  createdAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
const Pattern = z.string().max(130).describe('An address, a prefix with *, or *.');
const Paused = z.object({ paused: z.array(z.string().max(130)).max(1000) });

export const journal = contract('journal', '1.0.0', {
  list: method({
    summary: 'List rows of the journal, newest first.',
    input: z.strictObject({
      view: RowView.default('all'),
      state: RowState.optional(),
      method: z.string().max(130).optional().describe('An address, or a prefix with *.'),
      runId: Id.optional(),
      traceId: z.string().max(32).optional(),
      reason: z.string().max(64).optional(),
      since: Timestamp.optional(),
      show: z
        .enum(['heads', 'inputs', 'revealed'])
        .default('heads')
        .describe(
          'inputs: include inputs, masked. revealed: show in full the inputs that wait for approval, and those in review that required one.',
        ),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(RowHead.extend({ hash: z.string().max(64).optional(), input: Json.optional() })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/journal', people: personRoles, viewer: 'viewer' },
    ...people,
  }),
  get: method({
    summary: 'Get a row with its steps, masked. At least the first 6 characters of its id; a key or a trace id also finds it.',
    input: z.strictObject({
      id: z.string().min(6).max(255),
      reveal: z.boolean().default(false).describe('Show personal data; audited.'),
      viewer: Viewer,
      onBehalfOf,
    }),
    output: Row,
    idempotency: 'read',
    errors: { ambiguous: 'invalid_argument' },
    http: { route: 'GET /api/v1/journal/{id}', people: personRoles, actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  summary: method({
    summary: 'Count the rows of each view by state, method and reason. Each number is that of the list with the same filter.',
    input: z.strictObject({ view: CountedView.optional(), viewer: Viewer }),
    output: z.object({
      views: z.array(z.object({ view: CountedView, ...Count })).max(5),
      groups: z
        .array(
          z.object({
            view: CountedView,
            state: RowState,
            method: z.string().max(130),
            reason: z.string().max(64).nullable().describe('Null for runs and approvals.'),
            ...Count,
          }),
        )
        .max(2000),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/journal/summary', people: personRoles, viewer: 'viewer' },
    ...people,
  }),
  hold: method({
    summary: 'Hold a proposed row while reviewing it. Repeating it extends the hold.',
    input: z.strictObject({ id: Id, forMs: z.int().min(1_000).max(600_000).default(90_000), onBehalfOf, viewer: Viewer }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/hold', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  release: method({
    summary: 'Release a held row.',
    input: z.strictObject({ id: Id, onBehalfOf, viewer: Viewer }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/release', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  approve: method({
    summary: 'Approve a proposed row, or give the first of two approvals that it requires.',
    input: z.strictObject({
      id: Id,
      hash: z.string().max(64).optional().describe('The version that was reviewed; refused if the row has another one now.'),
      why,
      onBehalfOf,
      viewer: Viewer,
    }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: {
      route: 'POST /api/v1/journal/{id}/approve',
      scope: 'send',
      actor: 'onBehalfOf',
      viewer: 'viewer',
      etag: 'hash',
      ifMatch: 'hash',
    },
    ...people,
  }),
  confirm: method({
    summary: 'Record that the customer confirms a proposed row, with their own act as evidence. Only rows that need the customer.',
    input: z.strictObject({
      id: Id,
      hash: z.string().max(64).describe('The version that the customer was shown.'),
      evidence: z
        .strictObject({ kind: z.enum(['press', 'message']), id: Key })
        .describe('The press of a button, or the message in which the customer agreed.'),
    }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    roles: ['dialog-orchestrator'],
  }),
  recall: method({
    summary: 'Withdraw an approval before the row begins. The row never runs.',
    input: z.strictObject({ id: Id, why, onBehalfOf, viewer: Viewer }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/recall', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  reject: method({
    summary: 'Reject a proposed row. Final.',
    input: z.strictObject({ id: Id, why: Line, onBehalfOf, viewer: Viewer }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/reject', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  edit: method({
    summary:
      'Edit the input of a proposed row before approval. Only fields that its method declares editable; omitted fields stay unchanged.',
    input: z.strictObject({ id: Id, hash: z.string().max(64), input: Json, onBehalfOf, viewer: Viewer }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/edit', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash', ifMatch: 'hash' },
    ...people,
  }),
  retry: method({
    summary: 'Retry a failed row; a run, optionally from a step and with an edited input.',
    input: z.strictObject({ id: Id, from: z.string().max(64).optional(), input: Json.optional(), why, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/retry', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  cancel: method({
    summary: 'Cancel a row that has not begun. Completed effects remain.',
    input: z.strictObject({ id: Id, why, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/cancel', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  resolve: method({
    summary: `Resolve a row in review. happened: ${effectOf.happened} try_again: ${effectOf.try_again} give_up: ${effectOf.give_up} Rows that wait in its lane, such as later messages to the chat, continue.`,
    input: z.strictObject({
      id: Id,
      answer: ReviewAnswer,
      output: Json.optional().describe('Output of the effect, as far as it is known.'),
      attempts: z.int().min(0).optional().describe('Number of attempts when the row was read; a review of a later attempt is refused.'),
      why,
      onBehalfOf,
      viewer: Viewer,
    }),
    output: Row.extend({
      effect: z.string().max(400).describe('What the answer does.'),
      freed: z.int().min(0).describe('Approved rows of the lane that waited and now continue.'),
    }),
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/resolve', scope: 'send', actor: 'onBehalfOf', viewer: 'viewer', etag: 'hash' },
    ...people,
  }),
  drop: method({
    summary: 'Drop a dead letter.',
    input: z.strictObject({ id: Id, why, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/drop', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  list_dead_letter_groups: method({
    summary: 'Count dead letters by method and reason, the largest groups first.',
    input: z.strictObject({}),
    output: z.object({
      groups: z
        .array(
          z.object({
            method: z.string().max(130),
            reason: z.string().max(64),
            ...Count,
            newestAt: Timestamp,
            exampleId: Id.describe('The newest of them.'),
          }),
        )
        .max(1000),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/dead-letters',
    ...people,
  }),
  replay: method({
    summary:
      'Retry the dead letters of one method and reason, the oldest first, at a rate. Each is retried once; those that appear later are left out. It continues after a restart.',
    input: z.strictObject({
      method: z.string().max(130),
      reason: z.string().max(64),
      perSecond: z.number().min(0.01).max(50).default(1).describe('Rows a second.'),
      most: z.int().min(1).max(100_000).default(1_000).describe('At most so many rows.'),
      why,
      onBehalfOf,
    }),
    output: Replay,
    idempotency: 'idempotent',
    errors: { in_progress: 'conflict' },
    http: { route: 'POST /api/v1/dead-letters/replay', actor: 'onBehalfOf' },
    ...people,
  }),
  cancel_replay: method({
    summary: 'Cancel a replay. Rows that it has retried go on.',
    input: z.strictObject({ replayId: Id, onBehalfOf }),
    output: Replay,
    idempotency: 'idempotent',
    http: { route: 'POST /api/v1/replays/{replayId}/cancel', actor: 'onBehalfOf' },
    ...people,
  }),
  list_replays: method({
    summary: 'List replays of dead letters, newest first.',
    input: z.strictObject({}),
    output: z.object({ replays: z.array(Replay).max(100) }),
    idempotency: 'read',
    http: 'GET /api/v1/replays',
    ...people,
  }),
  claim: method({
    summary: 'Claim a reference for a provider. The first claim wins; all others must not act.',
    input: z.strictObject({ ref: Key }),
    output: z.object({ won: z.boolean() }),
    idempotency: 'idempotent',
    roles: ['gateway', 'operator'],
    // For providers, which have keys.
    http: { route: 'POST /api/v1/journal/claim', people: [] },
  }),
  watch: stream({
    summary: 'Stream a row: its current state and each change, until it ends.',
    input: one,
    up: z.strictObject({}),
    down: Row,
    http: { route: 'GET /api/v1/journal/{id}/watch', reply: 'events', scope: 'read', people: personRoles, viewer: 'viewer' },
    ...people,
  }),
  pause: method({
    summary: 'Emergency stop: no attempt of the method (or of any, with *) begins until resume.',
    input: z.strictObject({ method: Pattern.default('*'), why, onBehalfOf }),
    output: Paused,
    idempotency: 'idempotent',
    http: { route: 'PUT /api/v1/pauses/{method}', actor: 'onBehalfOf' },
    ...people,
  }),
  resume: method({
    summary: 'Lift an emergency stop; with *, all of them.',
    input: z.strictObject({ method: Pattern.default('*'), onBehalfOf }),
    output: Paused,
    idempotency: 'idempotent',
    http: { route: 'DELETE /api/v1/pauses/{method}', actor: 'onBehalfOf' },
    ...people,
  }),
  list_pauses: method({
    summary: 'List the emergency stops that apply now.',
    input: z.strictObject({}),
    output: z.object({
      pauses: z.array(z.object({ method: Pattern, since: Timestamp, who: Actor, why: z.string().max(200).nullable() })).max(1000),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/pauses',
    ...people,
  }),
  list_loops: method({
    summary: 'List the loops of all services.',
    input: z.strictObject({}),
    output: z.object({
      loops: z
        .array(
          z.object({
            service: z.string().max(64),
            name: z.string().max(100),
            schedule: z.string().max(300),
            lastRunAt: Timestamp.nullable(),
            lastError: z.string().max(2000).nullable(),
            nextRunAt: Timestamp.nullable(),
            heldBy: z.string().max(100).nullable(),
          }),
        )
        .max(1000),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/loops',
    ...people,
  }),
  run_loop: method({
    summary: 'Run a loop now.',
    input: z.strictObject({ service: z.string().max(64), name: z.string().max(100), onBehalfOf }),
    output: z.object({ requested: z.boolean() }),
    idempotency: 'idempotent',
    http: { route: 'POST /api/v1/loops/{service}/{name}/run', actor: 'onBehalfOf' },
    ...people,
  }),
  approval_changed: event({
    summary:
      'A row began to wait for a person, was held, edited or decided, was retried, cancelled or dropped, entered or left review, or ended without running.',
    payload: z.object({ rowId: Id, method: z.string().max(130), state: RowState, at: Timestamp }),
    key: 'rowId',
  }),
});

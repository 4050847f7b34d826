/**
 * The journal: every keyed call, outward effect, approval, pipeline run and dead letter is one of its rows.
 * `approvals`, `reviews`, `dlq` and `runs` on the command line are filters over `journal.list`.
 */
import { z } from 'zod';
import { Actor, Id, Json, Key, Line, OnBehalfOf, PageInput, pageOf, Timestamp } from './common.ts';
import { contract, event, method, stream } from './kit/define.ts';

/**
 * proposed: waits for approval. queued: due at `notBefore`. attempting: somebody works on it under a lease. waiting: a run that waits for a step, an event or a time.
 * unknown: an attempt went out and its outcome is being found out. review: only a person can tell. The rest are ends.
 * Rows of one lane go out in order, so what comes after an unknown row or one in review waits for it.
 */
export const RowState = z.enum([
  'proposed',
  'queued',
  'attempting',
  'waiting',
  'unknown',
  'review',
  'done',
  'failed',
  'rejected',
  'expired',
  'stale',
  'cancelled',
]);
/** How a row came in: a call, a `tx.send`, a step of a run, a run, a wait of a run, or an event that a consumer could not handle. */
export const RowMode = z.enum(['call', 'send', 'step', 'run', 'wait', 'event']);
/** A question that people ask of the journal. */
export const RowView = z.enum(['runs', 'approvals', 'reviews', 'dead_letters', 'all']);

/** What a person says of a row in review. */
export const ReviewAnswer = z.enum(['happened', 'try_again', 'give_up']);
/** What each answer does. */
export const effectOf: Readonly<Record<z.output<typeof ReviewAnswer>, string>> = {
  happened: 'It counts as done; nothing is sent.',
  try_again: 'It is attempted once more: if it did happen, it happens a second time. A call fails instead, and its caller may repeat it.',
  give_up: 'It is cancelled; nothing is sent.',
};

const Attempt = z.object({
  at: Timestamp,
  by: z.string().max(100).describe('The instance that tried.'),
  ms: z.number().min(0).max(1e9).nullable(),
  code: z.string().max(40).describe('ok, or an error code.'),
  reason: z.string().max(64).nullable(),
  message: z.string().max(2000).nullable(),
  evidence: Json.nullable().describe('Request line, status and last bytes of the answer, masked.'),
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
  heldBy: Actor.nullable().describe('Who looks at a proposed row now; nobody else decides on it meanwhile.'),
  waitsFor: Id.nullable().describe('The row of its lane whose outcome is not known: until it is, nothing else of the lane goes out.'),
  behind: z.int().min(0).describe('Rows of its lane that wait until the outcome of this one is known.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export const JournalRow = RowHead.extend({
  hash: z.string().max(64).describe('What an approval binds to.'),
  input: Json.describe('Masked, unless revealed.'),
  output: Json.nullable(),
  caller: z.string().max(100).nullable(),
  lane: z.string().max(200).nullable(),
  traceId: z.string().max(32).nullable(),
  approval: z.enum(['none', 'staff', 'customer']),
  approvers: z.int().min(1).max(2).describe('How many people must approve it.'),
  approvedBy: z.array(Actor).max(2).describe('Who approved it as it stands.'),
  notAfter: Timestamp.nullable(),
  settleAt: Timestamp.nullable(),
  onUnknown: z.enum(['review', 'look_up', 'claim', 'function']).nullable(),
  log: z.array(Attempt).max(200).describe('Attempts and what was learned after them, oldest first.'),
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

const one = z.strictObject({ id: Id });
const why = Line.optional().describe('Kept in the audit.');
const operator = { roles: ['operator'] as const };
/** Also reached over HTTP by whoever holds a key that allows it. */
const people = { roles: ['operator', 'gateway'] as const };
const onBehalfOf = OnBehalfOf.describe('Who decides, as the service that asks knows them; kept in the audit behind its own name.');
const rowErrors = {
  decided: 'conflict',
  stale: 'conflict',
  held: 'conflict',
  same_person: 'conflict',
  hash_mismatch: 'failed_precondition',
  wrong_state: 'failed_precondition',
  outcome_unknown: 'failed_precondition',
  not_editable: 'invalid_argument',
} as const;
const Row = JournalRow;

export const journal = contract('journal', '1.0.0', {
  list: method({
    summary: 'Rows of the journal, youngest first.',
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
        .describe('Also the inputs, masked; revealed shows whole those that wait for approval, and those in review that needed one.'),
      ...PageInput,
    }),
    output: pageOf(RowHead.extend({ hash: z.string().max(64).optional(), input: Json.optional() })),
    idempotency: 'read',
    http: 'GET /api/v1/journal',
    ...people,
  }),
  get: method({
    summary:
      'One row, whole and masked, with its steps. A prefix of at least 6 characters of the id is enough; a key or a trace id also finds it.',
    input: z.strictObject({ id: z.string().min(6).max(255), reveal: z.boolean().default(false).describe('Show personal data; audited.') }),
    output: Row,
    idempotency: 'read',
    errors: { ambiguous: 'invalid_argument' },
    http: { route: 'GET /api/v1/journal/{id}', etag: 'hash' },
    ...people,
  }),
  hold: method({
    summary: 'Take a proposed row for oneself while one looks at it; again, it lasts from then on.',
    input: z.strictObject({ id: Id, forMs: z.int().min(1_000).max(600_000).default(90_000), onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/hold', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  release: method({
    summary: 'Leave a held row to others.',
    input: z.strictObject({ id: Id, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/release', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  approve: method({
    summary: 'Let a proposed row go out, or give it the first of the two approvals that it needs.',
    input: z.strictObject({
      id: Id,
      hash: z.string().max(64).optional().describe('What was seen; another one now is refused.'),
      why,
      onBehalfOf,
    }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/approve', actor: 'onBehalfOf', etag: 'hash', ifMatch: 'hash' },
    ...people,
  }),
  recall: method({
    summary: 'Take an approval back while the row has not begun: it never goes out.',
    input: z.strictObject({ id: Id, why, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/recall', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  reject: method({
    summary: 'Refuse a proposed row for good.',
    input: z.strictObject({ id: Id, why: Line, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/reject', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  edit: method({
    summary:
      'Change the input of a proposed row before it is approved: the fields that its method calls editable. A field that is left out stays as it is.',
    input: z.strictObject({ id: Id, hash: z.string().max(64), input: Json, onBehalfOf }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/edit', actor: 'onBehalfOf', etag: 'hash', ifMatch: 'hash' },
    ...people,
  }),
  retry: method({
    summary: 'Try a failed row again; a run, from a step and with an edited input if wished.',
    input: z.strictObject({ id: Id, from: z.string().max(64).optional(), input: Json.optional(), why }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    ...operator,
  }),
  cancel: method({
    summary: 'Stop what has not begun. What went out stays out.',
    input: z.strictObject({ id: Id, why }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    ...operator,
  }),
  resolve: method({
    summary: `Say what became of a row in review. happened: ${effectOf.happened} try_again: ${effectOf.try_again} give_up: ${effectOf.give_up} What waits behind it in its lane, such as later answers of the chat, goes on.`,
    input: z.strictObject({
      id: Id,
      answer: ReviewAnswer,
      output: Json.optional().describe('Of what happened, as far as it is known.'),
      attempts: z.int().min(0).optional().describe('How many attempts the row had when it was read; a later doubt is refused.'),
      why,
      onBehalfOf,
    }),
    output: Row.extend({
      effect: z.string().max(400).describe('What the answer does.'),
      freed: z.int().min(0).describe('Approved rows of its lane that waited behind it and go on.'),
    }),
    idempotency: 'idempotent',
    errors: rowErrors,
    http: { route: 'POST /api/v1/journal/{id}/resolve', actor: 'onBehalfOf', etag: 'hash' },
    ...people,
  }),
  drop: method({
    summary: 'Put a dead letter away.',
    input: z.strictObject({ id: Id, why }),
    output: Row,
    idempotency: 'idempotent',
    errors: rowErrors,
    ...operator,
  }),
  claim: method({
    summary: 'A provider asks whether it may act on a reference. The first to ask wins; everybody else must not act.',
    input: z.strictObject({ ref: Key }),
    output: z.object({ won: z.boolean() }),
    idempotency: 'idempotent',
    roles: ['gateway', 'operator'],
  }),
  watch: stream({
    summary: 'The row, again whenever it changes, until it has ended.',
    input: one,
    up: z.strictObject({}),
    down: Row,
    ...people,
  }),
  pause: method({
    summary: 'Emergency stop: no attempt of the method (or of any, with *) begins until resume.',
    input: z.strictObject({ method: z.string().max(130).default('*'), why }),
    output: z.object({ paused: z.array(z.string().max(130)).max(1000) }),
    idempotency: 'idempotent',
    ...operator,
  }),
  resume: method({
    summary: 'Lift an emergency stop.',
    input: z.strictObject({ method: z.string().max(130).default('*') }),
    output: z.object({ paused: z.array(z.string().max(130)).max(1000) }),
    idempotency: 'idempotent',
    ...operator,
  }),
  list_loops: method({
    summary: 'Loops and periodic jobs of all services.',
    input: one.omit({ id: true }),
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
    ...operator,
  }),
  run_loop: method({
    summary: 'Wake a loop now.',
    input: z.strictObject({ service: z.string().max(64), name: z.string().max(100) }),
    output: z.object({ requested: z.boolean() }),
    idempotency: 'idempotent',
    ...operator,
  }),
  approval_changed: event({
    summary:
      'A row began to wait for a person, was held, edited or decided, came into review or left it, or ended without having gone out.',
    payload: z.object({ rowId: Id, method: z.string().max(130), state: RowState, at: Timestamp }),
    key: 'rowId',
  }),
});

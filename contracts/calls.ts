/** Outbound phone calls, from the request to the end. */
import { z } from 'zod';
import { Id, Key, Line, PageInput, Phone, pageOf, Timestamp, TimeZone, Viewer } from './common.ts';
import { CallOutcome } from './crm.ts';
import { contract, event, method } from './kit/define.ts';

export const CallState = z.enum(['queued', 'ringing', 'answered', 'ended']);
export const StartCall = z.strictObject({
  leadId: Id.describe('The lead that the call is about.'),
  phoneNumber: Phone,
  createdById: Id.nullish().describe('The CRM user who opened the lead.'),
  timeZone: TimeZone.nullish().describe('Time zone of the callee; decides when calls are allowed.'),
});
export const Call = z.object({
  callId: Id,
  leadId: Id,
  phoneNumber: Phone,
  state: CallState,
  outcome: CallOutcome.nullable(),
  createdAt: Timestamp,
  ringingAt: Timestamp.nullable(),
  answeredAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
  needsAttention: z
    .boolean()
    .default(false)
    .describe('The call has ended without an answer, or with an unknown outcome, and no later call to the phone was started.'),
  key: Key.optional().describe('The key of the journal row that started the call.'),
});
const count = z.int().min(0);
const CallStep = z.object({ callId: Id, leadId: Id, at: Timestamp });
const one = z.strictObject({ callId: Id });

export const calls = contract('calls', '1.0.0', {
  start_call: method({
    summary: 'Call the phone of a lead, unless a calling rule forbids it now.',
    input: StartCall,
    output: z.object({ callId: Id, state: CallState, leadId: Id, phoneNumber: Phone, createdAt: Timestamp }),
    idempotency: 'keyed',
    reaches: 'customer',
    lane: 'phoneNumber',
    http: 'POST /api/v1/calls',
    errors: {
      active_call: 'failed_precondition',
      attempts: 'failed_precondition',
      quiet_hours: 'failed_precondition',
      do_not_call: 'failed_precondition',
    },
    examples: [{ leadId: '65021a1e47d57e2ac', phoneNumber: '+79995553322' }],
  }),
  get_call: method({
    summary: 'Get a call.',
    input: one.extend({ viewer: Viewer }),
    output: Call,
    idempotency: 'read',
    http: { route: 'GET /api/v1/calls/{callId}', viewer: 'viewer' },
  }),
  list_calls: method({
    summary: 'List calls, newest first, or those that need attention first.',
    input: z.strictObject({
      order: z
        .enum(['newest', 'attention'])
        .default('newest')
        .describe(
          'attention: failed calls and unknown outcomes, then unanswered calls, then those that wait for an answer, then the others.',
        ),
      leadId: Id.optional(),
      phoneNumber: Phone.optional(),
      state: CallState.optional(),
      outcome: CallOutcome.optional(),
      needsAttention: z.boolean().optional(),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(Call),
    idempotency: 'read',
    http: { route: 'GET /api/v1/calls', viewer: 'viewer' },
    examples: [{ order: 'attention', needsAttention: true }],
  }),
  call_totals: method({
    summary: 'Count calls. Each number is that of list_calls with the same filter.',
    input: z.strictObject({ viewer: Viewer }),
    output: z.object({
      answered: count.describe('state=answered.'),
      needAttention: count.describe('needsAttention=true.'),
      oldestAt: Timestamp.nullable().describe('When the first of those that need attention was started.'),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/calls/stats/total', viewer: 'viewer' },
  }),
  end_call: method({
    summary: 'Hang up a call. No effect on a call that has ended.',
    input: one,
    output: Call,
    idempotency: 'idempotent',
    roles: ['operator', 'dialog-orchestrator'],
  }),
  transfer_call: method({
    summary: 'Transfer the callee to another number.',
    input: z.strictObject({ callId: Id, to: Phone }),
    output: Call,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles: ['operator', 'dialog-orchestrator'],
    errors: { not_answered: 'failed_precondition' },
  }),
  forbid_calls: method({
    summary: 'Add a phone to the do-not-call list.',
    input: z.strictObject({ phoneNumber: Phone, reason: Line }),
    output: z.object({ phoneNumber: Phone }),
    idempotency: 'idempotent',
    roles: ['operator', 'gateway', 'dialog-orchestrator'],
    http: { route: 'POST /api/v1/calls/forbid_calls', scope: 'send' },
  }),
  list_forbidden: method({
    summary: 'List the do-not-call list, newest first.',
    input: z.strictObject({ phoneNumber: Phone.optional(), ...PageInput }),
    output: pageOf(z.object({ phoneNumber: Phone, reason: Line, since: Timestamp })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/do-not-call', people: ['director', 'admin', 'operator'] },
  }),
  allow_calls: method({
    summary: 'Remove a phone from the do-not-call list.',
    input: z.strictObject({ phoneNumber: Phone }),
    output: z.object({ phoneNumber: Phone }),
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: { route: 'POST /api/v1/calls/allow_calls', people: ['director', 'admin'] },
  }),
  call_started: event({ summary: 'A call was accepted and will be dialled.', payload: CallStep, key: 'callId' }),
  call_ringing: event({ summary: 'The phone is ringing.', payload: CallStep, key: 'callId' }),
  call_answered: event({ summary: 'The call was answered.', payload: CallStep, key: 'callId' }),
  call_ended: event({
    summary: 'The call has ended.',
    payload: CallStep.extend({
      outcome: CallOutcome,
      startedAt: Timestamp,
      durationMs: z.int().min(0).max(86_400_000).describe('Time from the answer to the end; 0 for an unanswered call.'),
    }),
    key: 'callId',
  }),
});

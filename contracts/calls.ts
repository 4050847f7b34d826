/** Phone calls in both directions, from the request or the first ring to the end. */
import { z } from 'zod';
import {
  bytesUpTo,
  Callee,
  FilePart,
  Id,
  Key,
  Line,
  PageInput,
  Part,
  PersonText,
  Phone,
  pageOf,
  RawRequest,
  Timestamp,
  TimeZone,
  Viewer,
} from './common.ts';
import { CallOutcome } from './crm.ts';
import { contract, event, method, stream } from './kit/define.ts';
import { EndedBy, HangUpCause, LegDirection, LineNumber, Q850, RejectCause, Trunk } from './telephony.ts';

export const CallState = z
  .enum(['queued', 'ringing', 'early', 'answered', 'held', 'transferring', 'ended'])
  .describe('early: the network plays something before the answer. From answered on a call may be held, resumed and transferred.');
/** Who answered, as far as it is known. `screening`: a program that asks the caller for a reason. */
export const AnsweredBy = z.enum(['human', 'machine', 'screening', 'unknown']);
export const StartCall = z.strictObject({
  leadId: Id.describe('The lead that the call is about.'),
  phoneNumber: Phone,
  createdById: Id.nullish().describe('The CRM user who opened the lead.'),
  timeZone: TimeZone.nullish().describe('Time zone of the callee; decides when calls are allowed.'),
  trunk: Trunk.optional().describe('Without it, the first trunk of the gateway.'),
  line: LineNumber.optional().describe('The number of this system from which it calls; without it, that of the trunk.'),
  notAfter: Timestamp.optional().describe('The call is not started later; a row that would have to wait longer becomes stale.'),
});
export const Call = z.object({
  callId: Id,
  direction: LegDirection,
  leadId: Id.nullable().describe('Null for an inbound call.'),
  phoneNumber: Phone.nullable().describe('The phone of the customer; null if the caller withheld it.'),
  line: z.string().min(1).max(64).nullable().describe('The number of this system that was called, or from which it calls.'),
  legId: Id.nullable().describe('The leg of the customer; null until it is known.'),
  state: CallState,
  outcome: CallOutcome.nullable(),
  answeredBy: AnsweredBy.nullable(),
  endedBy: EndedBy.nullable(),
  hangUpCause: HangUpCause.nullable(),
  q850: Q850,
  recordingId: Id.nullable(),
  transferredTo: Callee.nullable().describe('Whom the customer was connected with last.'),
  provider: Line.nullable()
    .default(null)
    .describe(
      'The provider of a speech model that has taken the call over SIP. It has the audio: such a call has no leg and no recording here.',
    ),
  createdAt: Timestamp,
  ringingAt: Timestamp.nullable(),
  answeredAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
  needsAttention: z
    .boolean()
    .default(false)
    .describe('The call has ended without an answer, or with an unknown outcome, and no later call with the phone was started.'),
  key: Key.optional().describe('The key of the journal row that started the call.'),
});
/** When each stage of a turn was reached. The order is that of a talk in which nothing overlaps. */
export const Waterfall = z.object({
  lastSoundAt: Timestamp.describe('The last sound of the customer.'),
  wordsAt: Timestamp.describe('The recogniser had the last words.'),
  turnEndAt: Timestamp.describe('The turn counted as ended: the silence had lasted long enough, and no words were owed.'),
  sentenceAt: Timestamp.describe('The first sentence of the answer was there.'),
  audioAt: Timestamp.describe('The first audio of it was there.'),
  heardAt: Timestamp.describe('Its first sound left for the phone.'),
});
export const TranscriptEntry = z.object({
  who: z.enum(['customer', 'agent']),
  text: z.string().max(16_384).meta({ pii: 'text' }).describe('Of the agent, what was heard.'),
  startedAt: Timestamp,
  endedAt: Timestamp,
  isInterrupted: z.boolean().describe('The customer interrupted it; the text ends with the last word that was heard.'),
  waterfall: Waterfall.nullable().describe('Of the first sentence of an answer.'),
});
const count = z.int().min(0);
const CallStep = z.object({ callId: Id, leadId: Id.nullable(), direction: LegDirection, at: Timestamp });
const one = z.strictObject({ callId: Id });

export const calls = contract('calls', '2.4.0', {
  start_call: method({
    summary: 'Call the phone of a lead, unless a calling rule forbids it now.',
    input: StartCall,
    output: z.object({ callId: Id, state: CallState, leadId: Id, phoneNumber: Phone, createdAt: Timestamp }),
    idempotency: 'keyed',
    reaches: 'customer',
    lane: 'phoneNumber',
    settles: true,
    http: 'POST /api/v1/calls',
    errors: {
      active_call: 'failed_precondition',
      attempts: 'failed_precondition',
      quiet_hours: 'failed_precondition',
      do_not_call: 'failed_precondition',
      stale: 'failed_precondition',
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
  watch_call: stream({
    summary: 'Stream a call: its current state and each change, until it has ended.',
    input: one.extend({ viewer: Viewer }),
    up: z.strictObject({}),
    down: Call,
    http: { route: 'GET /api/v1/calls/{callId}/events', reply: 'events', viewer: 'viewer' },
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
  get_transcript: method({
    summary: 'What both sides of a call said, in the order in which it was said, with the times of each turn.',
    input: one.extend({ viewer: Viewer }),
    output: z.object({ entries: z.array(TranscriptEntry).max(5_000).describe('Empty if no agent has spoken with the customer.') }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/calls/{callId}/transcript', viewer: 'viewer', people: ['manager', 'director', 'admin'] },
  }),
  get_recording: method({
    summary: 'Read part of the recording of a call: stereo WAV, left the customer, right this system. Over HTTP, all of it or a Range.',
    input: one.extend({ viewer: Viewer, ...Part }),
    output: FilePart,
    idempotency: 'read',
    http: { route: 'GET /api/v1/calls/{callId}/recording', reply: 'ranged', viewer: 'viewer', people: ['manager', 'director', 'admin'] },
    errors: { not_kept: 'failed_precondition' },
  }),
  end_call: method({
    summary: 'Hang up a call. No effect on a call that has ended.',
    input: one,
    output: Call,
    idempotency: 'idempotent',
    roles: ['operator', 'dialog-orchestrator'],
  }),
  transfer_call: method({
    summary: 'Transfer the customer to another number or SIP address.',
    input: z.strictObject({
      callId: Id,
      to: Callee,
      mode: z
        .enum(['blind', 'attended'])
        .default('blind')
        .describe('attended: the customer hears music while the person is called, hears the summary, and takes the call or refuses it.'),
      summary: PersonText.max(600).optional().describe('What the person hears before they take the call.'),
    }),
    output: Call,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles: ['operator', 'dialog-orchestrator'],
    errors: { not_answered: 'failed_precondition' },
  }),
  whisper: stream({
    summary:
      'Speak to the person of the staff who has a call, and hear both sides. The customer does not hear it; it is in no recording and no transcript. Reported as call_whispered.',
    input: one,
    up: bytesUpTo(8_192).describe('20 ms to 1 s of audio: G.711 μ-law, 8 kHz, mono.'),
    down: z.union([z.object({ person: bytesUpTo(8_192) }), z.object({ customer: bytesUpTo(8_192) })]),
    roles: ['operator'],
    errors: {
      not_answered: 'failed_precondition',
      no_person: 'failed_precondition',
      provider_has_audio: 'failed_precondition',
      already_whispered: 'conflict',
    },
  }),
  route_call: method({
    summary: 'Decide whether an inbound call is answered, and store it. A repeat returns the same decision.',
    input: z.strictObject({ callId: Id, legId: Id, from: Phone.nullable(), to: LineNumber, trunk: Trunk.optional() }),
    output: z.discriminatedUnion('decision', [
      z.object({ decision: z.literal('answer') }),
      z.object({ decision: z.literal('reject'), cause: RejectCause }),
    ]),
    idempotency: 'idempotent',
    timeoutMs: 2_000,
    roles: ['telephony-gateway'],
  }),
  attend_leg: method({
    summary: 'A leg was answered: begin to speak on it. The event leg_changed follows. A repeat has no effect.',
    input: z.strictObject({ callId: Id, legId: Id }),
    output: z.object({ isAttended: z.boolean().describe('False if nobody speaks on the leg, or it is attended already.') }),
    idempotency: 'idempotent',
    timeoutMs: 2_000,
    roles: ['telephony-gateway'],
  }),
  speech_webhook: method({
    summary: 'Receive what a provider of speech models delivers about a SIP call that waits. Replies once it is stored.',
    input: z.strictObject(RawRequest),
    output: z.object({ isFirst: z.boolean().describe('Whether the call was not known before; it is answered once.') }),
    idempotency: 'idempotent',
    http: { route: 'POST /api/v1/calls/speech/webhook', body: 'raw' },
    errors: { bad_signature: 'permission_denied', bad_delivery: 'invalid_argument', no_webhook: 'not_found' },
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
  do_not_call_changed: event({
    summary: 'A phone was added to the do-not-call list, or removed from it.',
    payload: z.object({ changeId: Id, phoneNumber: Phone, isForbidden: z.boolean(), at: Timestamp }),
    key: 'changeId',
  }),
  call_started: event({ summary: 'A call was accepted and will be dialled, or has come in.', payload: CallStep, key: 'callId' }),
  call_ringing: event({ summary: 'The phone is ringing.', payload: CallStep, key: 'callId' }),
  call_answered: event({ summary: 'The call was answered.', payload: CallStep, key: 'callId' }),
  call_held: event({ summary: 'One side put the call on hold.', payload: CallStep, key: 'callId' }),
  call_resumed: event({ summary: 'A call on hold, or one whose transfer failed, goes on.', payload: CallStep, key: 'callId' }),
  call_transferred: event({
    summary: 'The customer was connected with somebody else.',
    payload: CallStep.extend({ to: Callee }),
    key: 'callId',
  }),
  call_whispered: event({
    summary: 'A supervisor began to speak to the person who has a call, or ended it. The customer did not hear it.',
    payload: z.object({
      whisperId: Id,
      callId: Id,
      step: z.enum(['started', 'ended']),
      by: z.string().max(64).describe('The bus user.'),
      to: Callee.describe('The person who heard it.'),
      spokenMs: count.describe('Audio that was sent; 0 at the start.'),
      at: Timestamp,
    }),
    key: 'callId',
  }),
  turn_completed: event({
    summary: 'The agent has answered a customer on the phone. Turns of a call come in the order in which they were said.',
    payload: z.object({
      callId: Id,
      direction: LegDirection,
      n: count.describe('Number of the turn in its call, from 0.'),
      said: z.string().max(16_384).meta({ pii: 'text' }).describe('Words of the customer.'),
      saidAt: Timestamp.describe('Their last sound.'),
      reply: z.string().max(16_384).meta({ pii: 'text' }).describe('What the customer heard of the answer; empty if nothing.'),
      isInterrupted: z.boolean(),
      at: Timestamp.describe('The end of what was heard.'),
    }),
    key: 'callId',
  }),
  call_ended: event({
    summary: 'The call has ended.',
    payload: CallStep.extend({
      outcome: CallOutcome,
      answeredBy: AnsweredBy.nullable().default(null),
      key: Key.nullable().default(null).describe('The key of the journal row that started the call.'),
      endedBy: EndedBy.nullable().default(null),
      hangUpCause: HangUpCause.nullable().default(null),
      recordingId: Id.nullable().default(null),
      startedAt: Timestamp,
      durationMs: z.int().min(0).max(86_400_000).describe('Time from the answer to the end; 0 for an unanswered call.'),
    }),
    key: 'callId',
  }),
});

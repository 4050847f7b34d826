/** Calls in a browser: the page Phone rings, answers and calls. */
import { z } from 'zod';
import { Id, Nothing, Timestamp, Viewer } from './common.ts';
import { contract, method } from './kit/define.ts';
import { Digits, HangUpCause, LineNumber, RejectCause } from './telephony.ts';

/** A description of a browser's audio (SDP, RFC 8829), with all candidates gathered. */
const Sdp = z.string().min(1).max(20_000);
export const PhoneCall = z.object({
  legId: Id,
  callId: Id,
  direction: z.enum(['to_person', 'from_person']),
  other: LineNumber.nullable().describe('The number that calls or was called; null if it is withheld.'),
  state: z.enum(['ringing', 'answered', 'held', 'ended']),
  ring: z.string().max(64).nullable().describe('What answers or refuses a ring, once.'),
  cause: HangUpCause.nullable().describe('Set when the call ended.'),
  at: Timestamp.describe('Of the last change.'),
});

const leg = z.strictObject({ legId: Id, viewer: Viewer });
const people = ['manager', 'director', 'admin'] as const;
/** The gateway alone knows who the person is. */
const roles = ['gateway', 'operator'] as const;
const at = (route: `POST /${string}`) => ({ route, people, viewer: 'viewer' }) as const;
const off = { softphone_off: 'failed_precondition', no_person: 'failed_precondition' } as const;
const badOffer = { bad_offer: 'invalid_argument' } as const;
const ringOver = { ring_over: 'failed_precondition' } as const;
const notAnswered = { not_answered: 'failed_precondition' } as const;

export const softphone = contract('softphone', '1.0.0', {
  list_phone_calls: method({
    summary: 'Calls that ring at the pages of a person, that they are in, and that have just ended.',
    input: z.strictObject({ viewer: Viewer, limit: z.int().min(1).max(200).default(20) }),
    output: z.object({ items: z.array(PhoneCall).max(200) }),
    idempotency: 'read',
    roles,
    timeoutMs: 2_000,
    http: { route: 'GET /api/v1/phone/calls', people, viewer: 'viewer' },
  }),
  call_from_phone: method({
    summary:
      'Call a number from a page. The route of the number decides who answers. Of a repeat, the call that the page connects to goes on.',
    input: z.strictObject({ viewer: Viewer, to: LineNumber, offer: Sdp }),
    output: z.object({ legId: Id, callId: Id, answer: Sdp }),
    idempotency: 'idempotent',
    roles,
    errors: { ...off, ...badOffer },
    http: at('POST /api/v1/phone/calls'),
  }),
  answer_phone_call: method({
    summary: 'Answer a ring. The first page that answers has the call.',
    input: leg.extend({ ring: z.string().min(1).max(64), offer: Sdp }),
    output: z.object({ answer: Sdp }),
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: { ...ringOver, ...badOffer },
    http: at('POST /api/v1/phone/calls/{legId}/answer'),
  }),
  refuse_phone_call: method({
    summary: 'Refuse a ring: no page of the person rings any more.',
    input: leg.extend({ ring: z.string().min(1).max(64), cause: RejectCause.extract(['busy', 'rejected']).default('rejected') }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: ringOver,
    http: at('POST /api/v1/phone/calls/{legId}/refuse'),
  }),
  hang_up_phone_call: method({
    summary: 'Hang up.',
    input: leg,
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    http: at('POST /api/v1/phone/calls/{legId}/hang-up'),
  }),
  hold_phone_call: method({
    summary: 'Put a call on hold, or resume it.',
    input: leg.extend({ on: z.boolean() }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: notAnswered,
    http: at('POST /api/v1/phone/calls/{legId}/hold'),
  }),
  press_phone_keys: method({
    summary: 'Press keys, from a browser that cannot send them with its audio.',
    input: leg.extend({ digits: Digits }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: notAnswered,
    http: at('POST /api/v1/phone/calls/{legId}/keys'),
  }),
});

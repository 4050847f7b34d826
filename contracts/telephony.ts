/** Legs: one phone dialled by one gateway. */
import { z } from 'zod';
import { Id, Nothing, Phone, Timestamp } from './common.ts';
import { CallOutcome } from './crm.ts';
import { contract, event, method } from './kit/define.ts';

export const telephony = contract('telephony', '1.0.0', {
  dial: method({
    summary: 'Dial a phone.',
    input: z.strictObject({ callId: Id, phoneNumber: Phone }),
    output: z.object({ legId: Id, reportsEnd: z.boolean().describe('False when the gateway cannot report how the call ends.') }),
    idempotency: 'keyed',
    reaches: 'customer',
    roles: ['call-orchestrator'],
    lane: 'phoneNumber',
    ttlMs: 60_000,
    settles: true,
    errors: { gateway_refused: 'failed_precondition' },
  }),
  hang_up: method({
    summary: 'End a leg.',
    input: z.strictObject({ legId: Id }),
    output: Nothing,
    idempotency: 'idempotent',
    roles: ['call-orchestrator'],
  }),
  transfer: method({
    summary: 'Transfer a leg to another number.',
    input: z.strictObject({ legId: Id, to: Phone }),
    output: Nothing,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles: ['call-orchestrator'],
  }),
  capabilities: method({
    summary: 'Capabilities of the gateway in use.',
    input: z.strictObject({}),
    output: z.object({ isSimulated: z.boolean().describe('True when no phone rings.') }),
    idempotency: 'read',
    timeoutMs: 2_000,
    roles: ['call-orchestrator', 'operator'],
  }),
  leg_changed: event({
    summary: 'A leg rang, was answered or ended.',
    payload: z.object({
      callId: Id,
      legId: Id,
      state: z.enum(['ringing', 'answered', 'ended']),
      outcome: CallOutcome.nullable().describe('Set when the leg ended.'),
      at: Timestamp,
    }),
    key: 'callId',
  }),
});

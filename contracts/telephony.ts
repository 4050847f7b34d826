/** Legs: one phone rung by one gateway. */
import { z } from 'zod';
import { Id, Nothing, Phone, Timestamp } from './common.ts';
import { CallOutcome } from './crm.ts';
import { contract, event, method } from './kit/define.ts';

export const telephony = contract('telephony', '1.0.0', {
  dial: method({
    summary: 'Ring a phone.',
    input: z.strictObject({ callId: Id, phoneNumber: Phone }),
    output: z.object({ legId: Id, reportsEnd: z.boolean().describe('False when the gateway will not tell how the call went.') }),
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
    summary: 'Connect a leg to another number.',
    input: z.strictObject({ legId: Id, to: Phone }),
    output: Nothing,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles: ['call-orchestrator'],
  }),
  leg_changed: event({
    summary: 'A leg rings, was answered or ended.',
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

/** Whether people let us write to them, as they said it from time to time. */
import { z } from 'zod';
import { Actor, Id, Line, OnBehalfOf, Timestamp } from './common.ts';
import { contract, method } from './kit/define.ts';

export const consents = contract('consents', '1.0.0', {
  set_consent: method({
    summary: 'Keep that a customer lets us write, or no longer does: then nothing more goes out to the chat, and what waits is outdated.',
    input: z.strictObject({
      chatId: Id,
      isGiven: z.boolean(),
      evidence: Line.optional().describe('What says so: the id of a message, a paper, a call.'),
      onBehalfOf: OnBehalfOf.describe('Who was told, as the service that asks knows them.'),
    }),
    output: z.object({ chatId: Id, isGiven: z.boolean(), at: Timestamp }),
    idempotency: 'keyed',
    lane: 'chatId',
    http: { route: 'POST /api/v1/chats/{chatId}/consents', actor: 'onBehalfOf' },
  }),
  list_consents: method({
    summary: 'What a customer said about our writing, the youngest first. Without a line, we may answer.',
    input: z.strictObject({ chatId: Id }),
    output: z.object({
      items: z.array(z.object({ isGiven: z.boolean(), who: Actor, evidence: z.string().max(200).nullable(), at: Timestamp })).max(100),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/chats/{chatId}/consents',
  }),
});

/** Consent of customers to receive messages, with its history. */
import { z } from 'zod';
import { Actor, Id, Line, OnBehalfOf, Timestamp, Viewer } from './common.ts';
import { contract, method } from './kit/define.ts';

export const consents = contract('consents', '1.0.0', {
  set_consent: method({
    summary: 'Record whether a customer accepts messages. A refusal blocks further messages to the chat and makes waiting drafts stale.',
    input: z.strictObject({
      chatId: Id,
      isGiven: z.boolean(),
      evidence: Line.optional().describe('Evidence: the id of a message, a document or a call.'),
      onBehalfOf: OnBehalfOf.describe('The person who received the statement, as named by the calling service.'),
      viewer: Viewer,
    }),
    output: z.object({ chatId: Id, isGiven: z.boolean(), at: Timestamp }),
    idempotency: 'keyed',
    lane: 'chatId',
    unhashed: ['viewer'],
    http: { route: 'POST /api/v1/chats/{chatId}/consents', actor: 'onBehalfOf', viewer: 'viewer' },
  }),
  list_consents: method({
    summary: 'Consents and refusals of a customer, newest first. Without any, messages are allowed.',
    input: z.strictObject({ chatId: Id, viewer: Viewer }),
    output: z.object({
      items: z.array(z.object({ isGiven: z.boolean(), who: Actor, evidence: z.string().max(200).nullable(), at: Timestamp })).max(100),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/chats/{chatId}/consents', viewer: 'viewer' },
  }),
});

/** Classification of messages: intent, confidence and urgency. */
import { z } from 'zod';
import { Id, OnBehalfOf, PageInput, PersonText, pageOf, Timestamp, TimeZone, Viewer } from './common.ts';
import { contract, event, method } from './kit/define.ts';

/**
 * - question: asks for a fact: a price, opening hours, availability, the state of an order
 * - order: orders, books, changes or cancels an order
 * - complaint: expresses dissatisfaction, or demands something promised
 * - interest: considers a product or service without ordering or asking a definite question
 * - confirmation: agrees, confirms, or reports that something is done
 * - broadcast: was written for many recipients
 * - none: small talk, thanks, or unrelated to the business
 */
export const Intent = z.enum(['question', 'order', 'complaint', 'interest', 'confirmation', 'broadcast', 'none']);
/** The stage that decided: a phrase of the patterns table or a bare assent, the local model, or a language model. */
export const IntentStage = z.enum(['pattern', 'local', 'llm']);
const Confidence = z.number().min(0).max(1).describe('Share of messages with this confidence that are classified correctly.');
const Judged = {
  intent: Intent.describe('The most likely intent, even when it is not certain.'),
  isCertain: z
    .boolean()
    .describe('False when the confidence is below the threshold of the intent: suitable for display, not for automatic action.'),
  isUrgent: z.boolean(),
  confidence: Confidence,
  stage: IntentStage,
};
export const Classified = z.object(Judged);

const count = z.int().min(0);
const Day = z
  .string()
  .max(10)
  .regex(/^\d{4}-\d{2}-\d{2}$/);
const PatternId = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'lower-case letters, digits, - and _');
export const Pattern = z.strictObject({
  patternId: PatternId,
  phrase: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .describe(
      'Consecutive words. A word may end in * (any ending); … between words matches up to five words; a leading = makes it match only the whole message.',
    ),
  intent: Intent,
  isUrgent: z.boolean().default(false),
  rank: z.int().min(0).max(1000).default(100).describe('The matching pattern with the lowest rank decides.'),
});

export const intents = contract('intents', '1.0.0', {
  classify_intent: method({
    summary: 'Classify a text.',
    input: z.strictObject({
      text: PersonText,
      answersQuestion: z
        .boolean()
        .default(false)
        .describe('True when the text follows a question of the business. Otherwise «да» or 👍 alone is a guess.'),
    }),
    output: Classified,
    idempotency: 'read',
    timeoutMs: 15_000,
    http: 'POST /api/v1/intents/classify',
    examples: [{ text: 'Сколько стоит букет из 25 роз?' }],
  }),
  classify_message: method({
    summary: 'Classify a stored message and keep the result as a new version.',
    input: z.strictObject({ messageId: Id }),
    output: z.object({ messageId: Id, chatId: Id, version: z.int().min(1), ...Judged }),
    idempotency: 'keyed',
    lane: 'messageId',
    timeoutMs: 20_000,
    errors: { nothing_to_judge: 'failed_precondition' },
  }),
  correct: method({
    summary: 'Correct the intent of a message, as a person reads it. The former classification is kept for evaluation.',
    input: z.strictObject({
      messageId: Id,
      intent: Intent,
      isUrgent: z.boolean().optional().describe('Default: unchanged.'),
      onBehalfOf: OnBehalfOf,
      viewer: Viewer,
    }),
    output: z.object({ messageId: Id, chatId: Id, version: z.int().min(1), ...Judged }),
    idempotency: 'keyed',
    lane: { name: 'intents.classify_message', field: 'messageId' },
    unhashed: ['onBehalfOf', 'viewer'],
    http: { route: 'POST /api/v1/messages/{messageId}/intent', actor: 'onBehalfOf', viewer: 'viewer' },
    examples: [{ messageId: 'msg_0mx21odz83hjfne9r3blo', intent: 'complaint' }],
  }),
  intent_totals: method({
    summary: 'Count messages by intent.',
    input: z.strictObject({ since: Timestamp.optional(), until: Timestamp.optional() }),
    output: z.object({
      items: z
        .array(z.object({ intent: Intent, messages: count, urgent: count, uncertain: count, meanConfidence: Confidence.nullable() }))
        .max(7),
      messages: count,
    }),
    idempotency: 'read',
    http: 'GET /api/v1/intents',
  }),
  daily_intents: method({
    summary: 'Count messages by intent and day, latest first.',
    input: z.strictObject({ days: z.int().min(1).max(366).default(30), timeZone: TimeZone.default('Europe/Moscow') }),
    output: z.object({
      items: z.array(z.object({ day: Day, intents: z.record(Intent, count), messages: count, urgent: count })).max(367),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/intents/daily',
  }),
  urgent_messages: method({
    summary: 'Urgent messages, newest first.',
    input: z.strictObject({ since: Timestamp.optional(), intent: Intent.optional(), viewer: Viewer, ...PageInput }),
    output: pageOf(z.object({ messageId: Id, chatId: Id, at: Timestamp, ...Judged })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/intents/urgent', viewer: 'viewer' },
  }),
  list_patterns: method({
    summary: 'Phrases that decide an intent on their own, in the order of matching.',
    input: z.strictObject({}),
    output: z.object({ items: z.array(Pattern).max(500) }),
    idempotency: 'read',
    http: 'GET /api/v1/intents/patterns',
  }),
  put_pattern: method({
    summary: 'Add or replace a phrase.',
    input: Pattern,
    output: Pattern,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: 'PUT /api/v1/intents/patterns/{patternId}',
    errors: { too_many: 'failed_precondition' },
    examples: [
      { patternId: 'refund', phrase: 'верн* деньги', intent: 'complaint', isUrgent: true },
      { patternId: 'ok', phrase: '= ок', intent: 'confirmation' },
    ],
  }),
  remove_pattern: method({
    summary: 'Remove a phrase.',
    input: z.strictObject({ patternId: PatternId }),
    output: z.object({ patternId: PatternId }),
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: 'DELETE /api/v1/intents/patterns/{patternId}',
  }),
  message_classified: event({
    summary: 'A message was classified or reclassified.',
    payload: z.object({ messageId: Id, chatId: Id, ...Judged }),
    key: 'messageId',
  }),
});

/** What customers want: the intent of each message, how sure that is, and what of it is urgent. */
import { z } from 'zod';
import { Id, PageInput, PersonText, pageOf, Timestamp, TimeZone } from './common.ts';
import { contract, event, method } from './kit/define.ts';

/**
 * - question: wants to know a fact: a price, hours, whether something is there, where an order is
 * - order: orders or books, changes or cancels what was ordered
 * - complaint: is dissatisfied, or demands what was promised
 * - interest: thinks about a product or service without ordering or asking one definite thing
 * - confirmation: agrees, confirms, tells that something was done
 * - broadcast: was written for many at once
 * - none: small talk, thanks, what has nothing to do with the business
 */
export const Intent = z.enum(['question', 'order', 'complaint', 'interest', 'confirmation', 'broadcast', 'none']);
/** What decided: a phrase of the patterns table or a bare assent, the local model, or a language model. */
export const IntentStage = z.enum(['pattern', 'local', 'llm']);
const Confidence = z.number().min(0).max(1).describe('How often a message judged with this confidence is judged rightly.');
const Judged = {
  intent: Intent.describe('The likeliest one, also when it is not certain.'),
  isCertain: z.boolean().describe('False when the confidence is below the threshold of the intent: show it, do not act on it.'),
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
      'Words that follow one another. A word may end in * (any ending); … between words stands for up to five others; = in front of them says that they are the whole message.',
    ),
  intent: Intent,
  isUrgent: z.boolean().default(false),
  rank: z.int().min(0).max(1000).default(100).describe('Where several fit, the lowest decides.'),
});

export const intents = contract('intents', '1.0.0', {
  classify_intent: method({
    summary: 'The intent of a text.',
    input: z.strictObject({
      text: PersonText,
      answersQuestion: z
        .boolean()
        .default(false)
        .describe('It follows a question of the business: «да» or 👍 alone is a guess without one.'),
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
  intent_totals: method({
    summary: 'How many messages there are of each intent.',
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
    summary: 'How many messages of each intent there were, day by day, the latest first.',
    input: z.strictObject({ days: z.int().min(1).max(366).default(30), timeZone: TimeZone.default('Europe/Moscow') }),
    output: z.object({
      items: z.array(z.object({ day: Day, intents: z.record(Intent, count), messages: count, urgent: count })).max(367),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/intents/daily',
  }),
  urgent_messages: method({
    summary: 'Messages that should not wait, the latest first.',
    input: z.strictObject({ since: Timestamp.optional(), intent: Intent.optional(), ...PageInput }),
    output: pageOf(z.object({ messageId: Id, chatId: Id, at: Timestamp, ...Judged })),
    idempotency: 'read',
    http: 'GET /api/v1/intents/urgent',
  }),
  list_patterns: method({
    summary: 'The phrases that decide an intent by themselves, in the order in which they are tried.',
    input: z.strictObject({}),
    output: z.object({ items: z.array(Pattern).max(500) }),
    idempotency: 'read',
    http: 'GET /api/v1/intents/patterns',
  }),
  put_pattern: method({
    summary: 'Add a phrase, or put another in its place.',
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
    summary: 'Take a phrase away.',
    input: z.strictObject({ patternId: PatternId }),
    output: z.object({ patternId: PatternId }),
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: 'DELETE /api/v1/intents/patterns/{patternId}',
  }),
  message_classified: event({
    summary: 'A message was classified, for the first time or anew.',
    payload: z.object({ messageId: Id, chatId: Id, ...Judged }),
    key: 'messageId',
  }),
});

/**
 * What waits for a person is shown in a chat of the staff, and decided there by a button. The work of one service, kept in the journal like any other,
 * so that nothing is lost when a process or Telegram is away; nobody else may ask for it.
 */
import { z } from 'zod';
import { Id } from './common.ts';
import { ReviewAnswer } from './journal.ts';
import { contract, method } from './kit/define.ts';

const ExternalId = z
  .string()
  .regex(/^-?\d{1,20}$/, 'an id of Telegram')
  .max(21);
const own = { roles: ['pipelines'] } as const;

export const approvals = contract('approvals', '1.0.0', {
  show_approval: method({
    summary: 'Make a chat show how a row stands: post a message, or redraw the one that is there. Again, it changes nothing.',
    input: z.strictObject({
      chat: ExternalId.describe('As TELEGRAM_APPROVAL_CHATS names it.'),
      rowId: Id,
      pressed: z
        .strictObject({ chat: ExternalId, messageId: ExternalId })
        .nullable()
        .describe(
          'A message to be redrawn whether or not we know of it: a process may have ended before it could note that it had posted it.',
        ),
    }),
    output: z.object({ messageId: ExternalId.nullable().describe('Null when there is nothing to be shown.') }),
    idempotency: 'keyed',
    lane: 'chat',
    timeoutMs: 20_000,
    ...own,
  }),
  press_button: method({
    summary: 'Decide as somebody of the staff asked by a button, and tell them what became of it.',
    input: z.strictObject({
      chat: ExternalId.nullable().describe('Which of the chats the press came from; null when from none of them.'),
      pressed: z.strictObject({ chat: ExternalId, messageId: ExternalId }),
      queryId: z.string().max(128),
      userId: Id,
      isStaff: z.boolean(),
      choice: z.enum(['approve', 'reject', ...ReviewAnswer.options]),
      rowId: Id,
      seen: z
        .string()
        .min(22)
        .max(64)
        .describe(
          'What the message showed: the beginning of the hash of the row, for a review that of the hash and the number of attempts.',
        ),
    }),
    output: z.object({
      outcome: z.enum([
        'approved',
        'counted',
        'rejected',
        'not_allowed',
        'not_found',
        'edited',
        'decided',
        'stale',
        'held',
        'same_person',
        'too_late',
        'waits_behind',
        ...ReviewAnswer.options,
        'answered',
      ]),
    }),
    idempotency: 'keyed',
    timeoutMs: 20_000,
    ...own,
  }),
});

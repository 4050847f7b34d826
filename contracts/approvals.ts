/**
 * Approvals and reviews in a chat of the staff, decided by buttons. Used only by the journal service; its calls are keyed,
 * so none is lost when a process or Telegram is unavailable.
 */
import { z } from 'zod';
import { Id } from './common.ts';
import { ReviewAnswer } from './journal.ts';
import { contract, method } from './kit/define.ts';

const ExternalId = z
  .string()
  .regex(/^-?\d{1,20}$/, 'a Telegram id')
  .max(21);
/** Data of a button under an approval or a review: the letter of the choice, the row, and the version that the message showed. */
export const approvalPress = /^([arhtg]):([a-z]{1,8}_[0-9a-z]{1,30}):([\w-]{22})$/;

/** The released contract allowed `pipelines`. */
const own = { roles: ['journal', 'pipelines'] } as const;

export const approvals = contract('approvals', '1.0.0', {
  show_approval: method({
    summary: 'Show the current state of a row in a chat: post a message, or update the one that exists. Idempotent.',
    input: z.strictObject({
      chat: ExternalId.describe('A chat from TELEGRAM_APPROVAL_CHATS.'),
      rowId: Id,
      pressed: z
        .strictObject({ chat: ExternalId, messageId: ExternalId })
        .nullable()
        .describe('A message to update even if it is not recorded: a process may have stopped after posting it and before recording it.'),
    }),
    output: z.object({ messageId: ExternalId.nullable().describe('Null when there is nothing to show.') }),
    idempotency: 'keyed',
    lane: 'chat',
    timeoutMs: 20_000,
    ...own,
  }),
  press_button: method({
    summary: 'Apply the decision of a button press by a member of staff, and show them the outcome.',
    input: z.strictObject({
      chat: ExternalId.nullable().describe('The approval chat in which the button was pressed; null when it was none of them.'),
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
          'The version that the message showed: the first characters of the row hash; for a review, of the hash and the number of attempts.',
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

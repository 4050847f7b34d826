/** Approvals in chats of the staff: waiting rows are shown there with buttons, and then their outcome. */
import type { Notices } from '../../adapters/channel/port.ts';
import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Commit, type Consumer, every, type HandlersOf, type Log, type Loop, type Queries } from '../../bus/service.ts';
import type { approvals } from '../../contracts/approvals.ts';
import type { journal } from '../../contracts/journal.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { onApprovalChanged } from './on-approval-changed.ts';
import { onButtonPressed } from './on-button-pressed.ts';
import { pressButton } from './press-button.ts';
import { forgetShown } from './rows.ts';
import { showApproval } from './show-approval.ts';
import { showWaiting } from './show-waiting.loop.ts';

interface Parts {
  readonly chats: readonly string[];
  /** Null without a bot. */
  readonly notices: Notices | null;
  readonly desk: JournalAdmin;
  readonly decide: Pick<HandlersOf<typeof journal>, 'approve' | 'reject' | 'resolve'>;
  readonly db: Queries;
  readonly commit: Commit;
  readonly log: Log;
}
interface ApprovalParts {
  readonly approvals: HandlersOf<typeof approvals>;
  readonly on: readonly Consumer[];
  readonly loops: readonly Loop[];
}
const keepDays = 90;

export function askInChats({ chats, notices, desk, decide, db, commit, log }: Parts): ApprovalParts {
  if (notices === null || chats.length === 0) {
    if (chats.length > 0) log.error({}, 'TELEGRAM_APPROVAL_CHATS is set without TELEGRAM_BOT_TOKENS: approvals are not shown there');
    const off = () =>
      Promise.reject(
        new PolybError('failed_precondition', 'No approval chat is in use; set TELEGRAM_APPROVAL_CHATS and TELEGRAM_BOT_TOKENS.', {
          reason: 'not_set_up',
        }),
      );
    return { approvals: { show_approval: off, press_button: off }, on: [], loops: [] };
  }
  return {
    approvals: { show_approval: showApproval(desk, db, notices), press_button: pressButton({ desk, decide, notices, log }) },
    on: [onApprovalChanged(chats), onButtonPressed(chats, notices)],
    loops: [showWaiting({ chats, desk, db, commit }), every('forget_notices', '29 3 * * *', () => forgetShown(db, keepDays))],
  };
}

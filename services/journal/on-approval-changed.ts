import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { approvals } from '../../contracts/approvals.ts';
import { journal } from '../../contracts/journal.ts';

export function onApprovalChanged(chats: readonly string[]): Consumer {
  return on(journal.approval_changed, async ({ rowId, at }, tx) => {
    for (const chat of chats) tx.send(approvals.show_approval, { chat, rowId, pressed: null }, { key: derivedKey(rowId, chat, at) });
  });
}

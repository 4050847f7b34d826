import type { Tx } from '../../bus/service.ts';
import { dialog } from '../../contracts/dialog.ts';

/** A turn of this chat will run; it takes everything that is unanswered then. */
export function turnDue(tx: Tx, chatId: string, key: string, notBefore?: Date): void {
  tx.send(dialog.take_turn, { sessionId: chatId }, { key, ...(notBefore === undefined ? {} : { notBefore }) });
}

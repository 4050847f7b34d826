import type { Tx } from '../../bus/service.ts';
import { messages } from '../../contracts/messages.ts';
import type { Delivery } from './rows.ts';

export function emitChanged(tx: Tx, { id, chatId, status, reason, changedAt }: Delivery): void {
  tx.emit(messages.delivery_changed, { id, chatId, status, reason, at: changedAt.toISOString() });
}

import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { Handler, Queries } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { findDelivery } from './rows.ts';

export function getDelivery(db: Queries, admin: Pick<JournalAdmin, 'row'>): Handler<typeof messages.get_delivery> {
  return async ({ id }) => {
    const found = await findDelivery(db, { id });
    if (found === null) throw new PolybError('not_found', 'There is no such delivery; send_message returns its id.');
    const { createdAt, changedAt } = found;
    const row = found.status === 'queued' ? await admin.row(id) : null;
    const doubt = { inReview: row?.state === 'review', waitsFor: row?.waits_for ?? null };
    return { ...found, ...doubt, createdAt: createdAt.toISOString(), changedAt: changedAt.toISOString() };
  };
}

import type { Crm, LeadPage } from '../../adapters/crm/port.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import { type Connections, connectionFor, type Handler, type Queries } from '../../bus/service.ts';
import { narrowedTo } from '../../contracts/common.ts';
import type { crm as contract } from '../../contracts/crm.ts';
import { withSeenPhones } from './phone-owners.ts';

/** Pages that are read from the CRM for one page of a manager, who sees few of many leads. */
const mostPages = 10;

export function listLeads(connections: Connections<Crm>, db: Queries): Handler<typeof contract.list_leads> {
  return async ({ connection, viewer, ...wanted }, { signal }) => {
    const adapter = connectionFor(connections, { connection });
    if (adapter.listLeads === undefined) throw unsupported(adapter.capabilities().crm, 'A list of leads');
    const items: LeadPage['items'] = [];
    // A contact whose phones the CRM does not give with its lead may be another manager's client.
    const known = ({ phoneNumber, contactId }: LeadPage['items'][number]): boolean =>
      narrowedTo(viewer) === null || phoneNumber !== null || contactId === null;
    let cursor = wanted.cursor;
    for (let pages = 0; pages < mostPages; pages += 1) {
      // No more than is missing, so that the cursor of the CRM continues after the last lead of this page.
      const page = await adapter.listLeads({ ...wanted, limit: wanted.limit - items.length, cursor }, signal);
      items.push(...(await withSeenPhones(db, page.items.filter(known), narrowedTo(viewer))));
      cursor = page.nextCursor ?? undefined;
      if (cursor === undefined || items.length === wanted.limit || narrowedTo(viewer) === null) break;
    }
    return { items, nextCursor: cursor ?? null };
  };
}

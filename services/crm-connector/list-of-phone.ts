/** Deals and tasks of a customer, whom a CRM knows as one or several contacts with the phone. */
import type { About, Crm, Deal } from '../../adapters/crm/port.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import { type Connections, connectionFor, type Handler } from '../../bus/service.ts';
import type { crm as contract } from '../../contracts/crm.ts';

/** Of an ambiguous phone, the oldest. */
const mostContacts = 3;
/** Leads, and deals, whose tasks are read. */
const mostRecords = 10;

async function contactIds(adapter: Crm, phoneNumber: string, signal: AbortSignal): Promise<readonly string[]> {
  return (await adapter.findContacts(phoneNumber, signal)).slice(0, mostContacts).map(({ contactId }) => contactId);
}
async function dealsOf(
  adapter: Pick<Crm, 'listDeals'>,
  contacts: readonly string[],
  limit: number,
  signal: AbortSignal,
): Promise<readonly Deal[]> {
  const lists = await Promise.all(contacts.map(async (contactId) => (await adapter.listDeals?.(contactId, limit, signal)) ?? []));
  return lists.flat().toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

export function listDeals(connections: Connections<Crm>): Handler<typeof contract.list_deals> {
  return async ({ phoneNumber, limit, ...at }, { signal }) => {
    const adapter = connectionFor(connections, at);
    if (adapter.listDeals === undefined) throw unsupported(adapter.capabilities().crm, 'A list of deals');
    const deals = await dealsOf(adapter, await contactIds(adapter, phoneNumber, signal), limit + 1, signal);
    return { items: deals.slice(0, limit), isMore: deals.length > limit };
  };
}

export function listTasks(connections: Connections<Crm>): Handler<typeof contract.list_tasks> {
  return async ({ phoneNumber, limit, ...at }, { signal }) => {
    const adapter = connectionFor(connections, at);
    if (adapter.listTasks === undefined) throw unsupported(adapter.capabilities().crm, 'A list of tasks');
    const contacts = await contactIds(adapter, phoneNumber, signal);
    const [deals, leads] = await Promise.all([
      dealsOf(adapter, contacts, mostRecords, signal),
      adapter.listLeads?.({ phoneNumber, limit: mostRecords }, signal),
    ]);
    const about: readonly About[] = [
      ...contacts.map((id) => ({ kind: 'contact', id }) as const),
      ...deals.slice(0, mostRecords).map(({ dealId: id }) => ({ kind: 'deal', id }) as const),
      ...(leads?.items ?? []).map(({ leadId: id }) => ({ kind: 'lead', id }) as const),
    ];
    const tasks = about.length === 0 ? [] : await adapter.listTasks(about, limit + 1, signal);
    const last = '9999';
    const items = tasks
      .slice(0, limit)
      .toSorted((a, b) => Number(a.isDone ?? false) - Number(b.isDone ?? false) || ((a.dueAt ?? last) < (b.dueAt ?? last) ? -1 : 1));
    return { items, isMore: tasks.length > limit };
  };
}

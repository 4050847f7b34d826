/**
 * Leads, deals and tasks of amoCRM as lists. Leads are listed by the second of their creation downwards; pages by number would shift when
 * a lead is added. Source: amoCRM documentation, API v4: leads, tasks, filters.
 */
import { badCursor } from '../../../contracts/common.ts';
import { type About, type Crm, type Deal, type LeadPage, type LeadStatus, moneyOf, type Task } from '../../crm/port.ts';
import type { AmoClient, AmoRecord } from './client.ts';
import { leadsOfContact, lost, won } from './leads.ts';
import { contactIdOf, createdMs, dateIn, firstPhone, idIn, leadIdsOf, tagNamesOf, withoutReferenceLine } from './records.ts';
import { type AmoSettings, hasDeals, isDealPipeline, statusIdsOf } from './settings.ts';

type Lead = LeadPage['items'][number];
/** Records of one page of amoCRM. */
const pageSize = 250;
const mostIds = 100;
const folded = (text: string): string => text.toLowerCase().replaceAll('ё', 'е');

/** @param contactsWith contacts with a phone. */
export function amoLists(
  amo: AmoClient,
  settings: AmoSettings,
  contactsWith: (phoneNumber: string, signal: AbortSignal) => Promise<readonly AmoRecord[]>,
): Pick<Crm, 'listLeads' | 'listDeals' | 'listTasks'> {
  const statuses = Object.entries(statusIdsOf(settings)) as readonly [LeadStatus, number | undefined][];
  const statusOf = (statusId: unknown): LeadStatus | null => statuses.find(([, id]) => id === statusId)?.[0] ?? null;
  const isLead = (record: AmoRecord): boolean => record.is_deleted !== true && !isDealPipeline(settings, record.pipeline_id);
  const leadQuery = [
    ['with', 'contacts'],
    ['order[created_at]', 'desc'],
  ] as const;

  /** All leads of the contacts with a phone; those of one customer are few. */
  async function leadsOfPhone(phoneNumber: string, signal: AbortSignal): Promise<readonly AmoRecord[]> {
    const contacts = await contactsWith(phoneNumber, signal);
    const read = await Promise.all(contacts.slice(0, 5).map(({ id }) => amo.get(`contacts/${id}`, [['with', 'leads']], signal)));
    const ids = [...new Set(read.flatMap((contact) => (contact === null ? [] : leadIdsOf(contact))))]
      .sort((a, b) => b - a)
      .slice(0, mostIds);
    if (ids.length === 0) return [];
    const found = await amo.list('leads', 'leads', [...ids.map((id) => ['filter[id][]', id] as const), ...leadQuery], { signal });
    return found.filter(({ id }) => ids.includes(id));
  }
  /** Leads that were created in this second or before. An import creates more than a page of them in one. */
  const leadsUntil = (until: number | null, pages: number, signal: AbortSignal) =>
    amo.list('leads', 'leads', [...leadQuery, ...(until === null ? [] : [['filter[created_at][to]', until] as const])], { signal, pages });
  /** Phones of contacts by their ids. Some accounts ignore the filter and reply with other contacts: of those here none is known. */
  async function phonesOf(ids: readonly number[], signal: AbortSignal): Promise<ReadonlyMap<number, string | null>> {
    if (ids.length === 0) return new Map();
    const found = await amo.list(
      'contacts',
      'contacts',
      ids.map((id) => ['filter[id][]', id] as const),
      { signal, pages: 1 },
    );
    return new Map(
      found.filter(({ id }) => ids.includes(id)).map((contact) => [contact.id, firstPhone(contact, settings.AMOCRM_PHONE_COUNTRY)]),
    );
  }
  function leadFrom(record: AmoRecord, phoneNumber: string | null): Lead {
    const contactId = contactIdOf(record);
    return {
      leadId: String(record.id),
      contactId: contactId === null ? null : String(contactId),
      name: String(record.name ?? '').slice(0, 300),
      phoneNumber,
      status: statusOf(record.status_id),
      statusName: typeof record.status_id === 'number' ? String(record.status_id) : null,
      // create_lead stores the source as the first tag; the reference may be another.
      source:
        tagNamesOf(record)
          .find((tag) => !tag.startsWith('PolyB '))
          ?.slice(0, 100) ?? null,
      comment: null,
      createdAt: new Date(createdMs(record)).toISOString(),
    };
  }

  async function listDeals(contactId: string, limit: number, signal: AbortSignal): Promise<readonly Deal[]> {
    const deals = (await leadsOfContact(amo, contactId, signal)).filter(
      (record) => record.is_deleted !== true && isDealPipeline(settings, record.pipeline_id),
    );
    return deals.slice(0, limit).map((record): Deal => {
      const closeAt = dateIn(record, settings.AMOCRM_CLOSE_DATE_FIELD_ID);
      return {
        dealId: String(record.id),
        contactId,
        title: String(record.name ?? '').slice(0, 300),
        amount: moneyOf(record.price, settings.AMOCRM_CURRENCY),
        stage: typeof record.status_id === 'number' ? String(record.status_id) : null,
        isOpen: record.status_id !== won && record.status_id !== lost,
        closeAt: closeAt === null ? null : new Date(closeAt).toISOString(),
        createdAt: new Date(createdMs(record)).toISOString(),
      };
    });
  }

  return {
    async listLeads({ phoneNumber, q, status, limit, cursor }, signal) {
      const place = placeOf(cursor);
      const pages = 1 + Math.floor((place?.shown ?? 0) / pageSize);
      const wanted = (record: AmoRecord): boolean =>
        isLead(record) &&
        (status === undefined || statusOf(record.status_id) === status) &&
        (q === undefined ||
          String(record.name ?? '')
            .split(/\s+/)
            .some((name) => folded(name).startsWith(folded(q))));
      const read = (
        phoneNumber === undefined ? await leadsUntil(place?.until ?? null, pages, signal) : await leadsOfPhone(phoneNumber, signal)
      )
        .filter((record) => place === null || createdMs(record) <= place.until * 1000)
        .toSorted((a, b) => createdMs(b) - createdMs(a) || b.id - a.id);
      const page: AmoRecord[] = [];
      let at = place?.shown ?? 0;
      for (; at < read.length && page.length < limit; at += 1) {
        const record = read[at] as AmoRecord; // Below the length.
        if (wanted(record)) page.push(record);
      }
      const phones =
        phoneNumber === undefined ? await phonesOf([...new Set(page.flatMap((lead) => contactIdOf(lead) ?? []))], signal) : null;
      const isMore = at < read.length || (phoneNumber === undefined && read.length >= pages * pageSize);
      const last = read[at - 1];
      return {
        items: page.map((lead) => leadFrom(lead, phones === null ? (phoneNumber ?? null) : (phones.get(contactIdOf(lead) ?? 0) ?? null))),
        nextCursor: isMore && last !== undefined ? cursorAfter(read.slice(0, at), last) : null,
      };
    },
    ...(hasDeals(settings) && { listDeals }),
    async listTasks(about, limit, signal) {
      const tasksOf = async (type: 'contacts' | 'leads') => {
        const subjects = about.filter(({ kind }) => (kind === 'contact') === (type === 'contacts'));
        const ids = subjects.flatMap(({ id }) => idIn(id) ?? []);
        if (ids.length === 0) return [];
        const query = [
          ['filter[entity_type]', type],
          ...ids.map((id) => ['filter[entity_id][]', id] as const),
          ['order[id]', 'desc'],
        ] as const;
        const found = await amo.list('tasks', 'tasks', query, { signal, pages: 1 });
        return found.flatMap((task) => {
          const subject = subjects.find(({ id }) => task.entity_id === Number(id) && task.entity_type === type);
          return subject === undefined ? [] : [taskFrom(task, subject)];
        });
      };
      const tasks = (await Promise.all([tasksOf('contacts'), tasksOf('leads')])).flat();
      return tasks.toSorted((a, b) => Number(b.taskId) - Number(a.taskId)).slice(0, limit);
    },
  };
}

function taskFrom(task: AmoRecord, about: About): Task {
  const { complete_till: due, is_completed: isDone, created_at: created } = task;
  const timeOf = (seconds: unknown) => (typeof seconds === 'number' ? new Date(seconds * 1000).toISOString() : null);
  return {
    taskId: String(task.id),
    about,
    subject: withoutReferenceLine(task.text).split('\n', 1)[0]?.slice(0, 300) ?? '',
    dueAt: timeOf(due),
    isDone: typeof isDone === 'boolean' ? isDone : null,
    createdAt: timeOf(created),
  };
}
/** A second, and the leads of it that were read. */
function placeOf(cursor: string | undefined): { readonly until: number; readonly shown: number } | null {
  if (cursor === undefined) return null;
  const [, until, shown] = /^(\d{1,12})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (until === undefined) throw badCursor();
  return { until: Number(until), shown: Number(shown) };
}
function cursorAfter(read: readonly AmoRecord[], last: AmoRecord): string {
  const shown = read.filter((record) => createdMs(record) === createdMs(last)).length;
  return `${createdMs(last) / 1000}.${shown}`;
}

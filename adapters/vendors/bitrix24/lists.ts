/**
 * Leads, deals and tasks of Bitrix24 as lists. Items are listed by their id downwards, with the id as the cursor: `start` would count
 * anew when an item is added. Source: b24restdocs, crm/universal and tasks.
 */
import { badCursor } from '../../../contracts/common.ts';
import { type PhoneCountry, toE164 } from '../../crm/phones.ts';
import { type About, type Crm, type Deal, type LeadPage, type LeadStatus, moneyOf, type Task } from '../../crm/port.ts';
import { type BitrixClient, type BitrixRecord, idOf } from './client.ts';
import { type Contacts, entity, idsWithPhones, isItemId, phonesIn } from './contacts.ts';

type Lead = LeadPage['items'][number];
interface Parts {
  readonly bitrix: BitrixClient;
  readonly contacts: Contacts;
  readonly country: PhoneCountry;
  readonly stages: Readonly<Record<LeadStatus, string>>;
  readonly bindingOf: (about: About) => string;
}
/** Items of one request. */
const pageSize = 50;
/** A value of a filter list. */
const mostIds = 50;
/** Completed: `STATUS` of tasks.task.list. */
const completed = '5';

export function bitrixLists({
  bitrix,
  contacts,
  country,
  stages,
  bindingOf,
}: Parts): Required<Pick<Crm, 'listLeads' | 'listDeals' | 'listTasks'>> {
  const statusOf = (stageId: unknown): LeadStatus | null =>
    (Object.keys(stages) as LeadStatus[]).find((status) => stages[status] === stageId) ?? null;
  /** The newest items below an id. A portal may ignore a filter, so that an item is compared again. */
  async function newest(entityTypeId: number, filter: object, below: number | null, signal: AbortSignal) {
    const params = {
      entityTypeId,
      filter: { ...filter, ...(below === null ? {} : { '<id': below }) },
      select: ['*'],
      order: { id: 'DESC' },
    };
    const found = await bitrix.list('crm.item.list', params, { key: 'items', pages: 1, signal });
    return found.filter(({ id }) => below === null || Number(id) < below).toSorted((a, b) => Number(b.id) - Number(a.id));
  }
  function leadFrom(record: BitrixRecord, phoneNumber: string | null): Lead {
    const name = [record.name, record.lastName].filter((part) => typeof part === 'string' && part !== '').join(' ');
    return {
      leadId: idOf(record),
      contactId: contactOf(record),
      name: (name || String(record.title ?? '')).slice(0, 300),
      phoneNumber,
      status: statusOf(record.stageId),
      statusName: textOf(record.stageId, 64),
      source: textOf(record.sourceDescription, 100) ?? textOf(record.sourceId, 100),
      comment: textOf(record.comments, 4096),
      createdAt: timeIn(record.createdTime) ?? new Date(0).toISOString(),
    };
  }
  /** The first phone of each record: its own, or of its contact. */
  async function phonesOf(records: readonly BitrixRecord[], signal: AbortSignal): Promise<(record: BitrixRecord) => string | null> {
    const own = (record: BitrixRecord) => phonesIn(record).flatMap((phone) => toE164(phone, country) ?? [])[0] ?? null;
    const wanted = records.filter((record) => own(record) === null).flatMap((record) => contactOf(record) ?? []);
    const known = new Map(
      (await contacts.all([...new Set(wanted)].slice(0, mostIds), signal)).map((contact) => [idOf(contact), own(contact)]),
    );
    return (record) => own(record) ?? known.get(contactOf(record) ?? '') ?? null;
  }

  return {
    async listLeads({ phoneNumber, q, status, limit, cursor }, signal) {
      if (cursor !== undefined && !isItemId(cursor)) throw badCursor();
      const conditions: object[] = [];
      if (status !== undefined) conditions.push({ stageId: stages[status] });
      if (q !== undefined) conditions.push({ logic: 'OR', 0: { '=%name': `${q}%` }, 1: { '=%lastName': `${q}%` } });
      if (phoneNumber !== undefined) {
        const [leads, people] = await Promise.all([
          idsWithPhones(bitrix, 'LEAD', [phoneNumber], signal),
          contacts.withPhone(phoneNumber, signal),
        ]);
        const of = [
          ...(leads.length === 0 ? [] : [{ '@id': leads.slice(-mostIds).map(Number) }]),
          ...(people.length === 0 ? [] : [{ '@contactId': people.map(({ id }) => Number(id)) }]),
        ];
        if (of.length === 0) return { items: [], nextCursor: null };
        conditions.push({ logic: 'OR', ...of });
      }
      const filter = Object.fromEntries(conditions.map((condition, nth) => [nth, condition]));
      const found = await newest(entity.lead, filter, cursor === undefined ? null : Number(cursor), signal);
      const page = found.slice(0, limit);
      const phoneOf = await phonesOf(page, signal);
      const last = page.at(-1);
      const isMore = found.length > limit || found.length >= pageSize;
      return {
        items: page.map((record) => leadFrom(record, phoneNumber ?? phoneOf(record))),
        nextCursor: isMore && last !== undefined ? idOf(last) : null,
      };
    },
    async listDeals(contactId, limit, signal) {
      if (!isItemId(contactId)) return [];
      const found = await newest(entity.deal, { contactId: Number(contactId) }, null, signal);
      return found
        .filter((deal) => contactOf(deal) === contactId)
        .slice(0, limit)
        .map((deal) => dealFrom(deal, contactId));
    },
    /** The filter takes one record: a list of them is not documented for `UF_CRM_TASK`. */
    async listTasks(about, limit, signal) {
      const lists = await Promise.all(
        about.map(async (subject) => {
          const binding = bindingOf(subject);
          const params = {
            filter: { UF_CRM_TASK: binding },
            select: ['ID', 'TITLE', 'DEADLINE', 'STATUS', 'CREATED_DATE'],
            order: { ID: 'desc' },
          };
          const tasks = await bitrix.list('tasks.task.list', params, { key: 'tasks', pages: 1, signal });
          return tasks.map((task) => taskFrom(task, subject));
        }),
      );
      const tasks = new Map(lists.flat().map((task) => [task.taskId, task]));
      return [...tasks.values()].toSorted((a, b) => Number(b.taskId) - Number(a.taskId)).slice(0, limit);
    },
  };
}

function contactOf({ contactId }: BitrixRecord): string | null {
  return typeof contactId === 'number' && contactId > 0 ? String(contactId) : null;
}
function dealFrom(record: BitrixRecord, contactId: string): Deal {
  const { title, opportunity, currencyId, stageId, stageSemanticId, closedate, createdTime } = record;
  return {
    dealId: idOf(record),
    contactId,
    title: String(title ?? '').slice(0, 300),
    amount: moneyOf(opportunity, textOf(currencyId, 3)),
    stage: textOf(stageId, 64),
    // `P` in process, `S` success, `F` failure, also of a stage of one's own.
    isOpen: typeof stageSemanticId === 'string' ? stageSemanticId === 'P' : null,
    closeAt: timeIn(closedate),
    createdAt: timeIn(createdTime) ?? new Date(0).toISOString(),
  };
}
function taskFrom(record: BitrixRecord, about: About): Task {
  const { title, deadline, status, createdDate } = record;
  return {
    taskId: idOf(record),
    about,
    subject: String(title ?? '').slice(0, 300),
    dueAt: timeIn(deadline),
    isDone: status === undefined ? null : String(status) === completed,
    createdAt: timeIn(createdDate),
  };
}
function textOf(value: unknown, most: number): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, most) : null;
}
/** Null for no time: an empty date may be an object. */
function timeIn(value: unknown): string | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

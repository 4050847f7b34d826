/** Deals of a contact, and tasks about records, in EspoCRM. */
import { type About, type Deal, moneyOf, type Task } from '../../crm/port.ts';
import { type EspoClient, type EspoRecord, timeFrom } from './client.ts';
import { entityOf } from './record-state.ts';
import { textOf } from './references.ts';

/** Statuses of a task that nobody works on any more: the enum of Task.status, EspoCRM 9.1. */
const ended = ['Completed', 'Canceled'];
/** A time; of a field without one, null. */
const timeOrNull = (value: unknown): string | null => (textOf(value) === null ? null : timeFrom(value));

export async function listDeals(espo: EspoClient, contactId: string, limit: number, signal: AbortSignal): Promise<readonly Deal[]> {
  const path = `Contact/${encodeURIComponent(contactId)}/opportunities` as const;
  const records = await espo.list(path, [], { order: 'desc', most: limit }, signal);
  return records.map((record) => dealFrom(record, contactId));
}
function dealFrom(record: EspoRecord, contactId: string): Deal {
  const { id, name, amount, amountCurrency, stage, closeDate, createdAt } = record;
  const named = textOf(stage);
  return {
    dealId: id,
    contactId,
    title: (textOf(name) ?? id).slice(0, 300),
    amount: moneyOf(amount, textOf(amountCurrency)),
    stage: named?.slice(0, 64) ?? null,
    // The two closed stages of a new EspoCRM; a stage of one's own counts as open.
    isOpen: named === null ? null : !named.startsWith('Closed'),
    closeAt: textOf(closeDate) === null ? null : `${String(closeDate)}T00:00:00.000Z`,
    createdAt: timeFrom(createdAt),
  };
}

/** A task names its parent by type and id; ids alone are searched, as a condition on both would have to be one for each kind. */
export async function listTasks(espo: EspoClient, about: readonly About[], limit: number, signal: AbortSignal): Promise<readonly Task[]> {
  const where = { type: 'in', attribute: 'parentId', value: about.map(({ id }) => id) } as const;
  const records = await espo.list('Task', [where], { order: 'desc', most: limit }, signal);
  return records.flatMap((record) => {
    const subject = about.find(({ kind, id }) => record.parentId === id && record.parentType === entityOf[kind]);
    return subject === undefined ? [] : [taskFrom(record, subject)];
  });
}
function taskFrom({ id, name, dateEnd, status, createdAt }: EspoRecord, about: About): Task {
  const state = textOf(status);
  return {
    taskId: id,
    about,
    subject: (textOf(name) ?? id).slice(0, 300),
    dueAt: timeOrNull(dateEnd),
    isDone: state === null ? null : ended.includes(state),
    createdAt: timeOrNull(createdAt),
  };
}

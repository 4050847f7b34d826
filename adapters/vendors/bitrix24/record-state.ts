/** Records of Bitrix24 as far as changes need them. */
import type { Crm, LeadStatus } from '../../crm/port.ts';
import { type BitrixClient, type BitrixRecord, idOf } from './client.ts';
import { entity, getItem, isItemId } from './contacts.ts';

export function bitrixStates(bitrix: BitrixClient, stages: Readonly<Record<LeadStatus, string>>): NonNullable<Crm['readRecord']> {
  const statusOf = (stageId: unknown): string | null =>
    typeof stageId === 'string' ? (Object.entries(stages).find(([, stage]) => stage === stageId)?.[0] ?? stageId) : null;

  /** A list, because the error for a task that is not there is not documented. */
  async function task(id: string, signal: AbortSignal): Promise<BitrixRecord | null> {
    if (!isItemId(id)) return null;
    const params = { filter: { ID: id }, select: ['ID', 'CHANGED_DATE'] };
    const found = await bitrix.list('tasks.task.list', params, { key: 'tasks', pages: 1, signal });
    return found.find((record) => idOf(record) === id) ?? null;
  }
  return async (kind, id, signal) => {
    const record = kind === 'task' ? await task(id, signal) : await getItem(bitrix, entity[kind], id, signal);
    if (record === null) return null;
    const changedAt = Date.parse(String(record.updatedTime ?? record.changedDate));
    return { changedAt: Number.isNaN(changedAt) ? null : changedAt, status: kind === 'lead' ? statusOf(record.stageId) : null };
  };
}

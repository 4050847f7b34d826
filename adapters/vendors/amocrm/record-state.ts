/** Records of amoCRM as far as changes need them. */
import type { Crm } from '../../crm/port.ts';
import type { AmoClient, AmoRecord } from './client.ts';
import { idIn } from './records.ts';
import { type AmoSettings, statusIdsOf } from './settings.ts';

export function amoStates(amo: AmoClient, settings: AmoSettings): NonNullable<Crm['readRecord']> {
  const statuses = Object.entries(statusIdsOf(settings));
  const statusOf = (statusId: unknown): string | null =>
    typeof statusId === 'number' ? (statuses.find(([, id]) => id === statusId)?.[0] ?? String(statusId)) : null;

  /** A task cannot be read by its address. */
  async function task(id: number, signal: AbortSignal): Promise<AmoRecord | null> {
    const found = await amo.list('tasks', 'tasks', [['filter[id][]', id]], { signal, pages: 1 });
    return found.find((record) => record.id === id) ?? null;
  }
  return async (kind, recordId, signal) => {
    const id = idIn(recordId);
    if (id === null) return null;
    const record =
      kind === 'task' ? await task(id, signal) : await amo.get(`${kind === 'contact' ? 'contacts' : 'leads'}/${id}`, [], signal);
    if (record === null || record.is_deleted === true) return null;
    const { updated_at: seconds, status_id: statusId } = record;
    return {
      changedAt: typeof seconds === 'number' ? seconds * 1000 : null,
      status: kind === 'lead' ? statusOf(statusId) : null,
    };
  };
}

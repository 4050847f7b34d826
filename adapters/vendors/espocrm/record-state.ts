/** Records of EspoCRM as far as changes need them. */
import type { Crm, LeadStatus } from '../../crm/port.ts';
import { type EspoClient, type EspoEntity, timeFrom } from './client.ts';
import { textOf } from './references.ts';

export const entityOf = { lead: 'Lead', contact: 'Contact', deal: 'Opportunity', task: 'Task' } as const satisfies Record<
  string,
  EspoEntity
>;
/** Lead.status is an enum; other values count as closed (Recycled) or open (Assigned). */
export const statuses = { new: 'New', in_process: 'In Process', converted: 'Converted', dead: 'Dead' } as const satisfies Record<
  LeadStatus,
  string
>;
/** Null for a status that is not mapped. */
export function statusOf(name: unknown): LeadStatus | null {
  return (Object.keys(statuses) as LeadStatus[]).find((status) => statuses[status] === name) ?? null;
}

export function espoStates(espo: EspoClient): NonNullable<Crm['readRecord']> {
  return async (kind, id, signal) => {
    const record = await espo.get(entityOf[kind], id, signal);
    if (record === null || record.deleted === true) return null;
    const { modifiedAt, status } = record;
    return {
      changedAt: textOf(modifiedAt) === null ? null : Date.parse(timeFrom(modifiedAt)),
      status: kind === 'lead' ? (statusOf(status) ?? textOf(status)) : null,
    };
  };
}

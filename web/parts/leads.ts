/** Leads of the CRM in words, wherever one is shown. */
import type { crm } from '../../contracts/crm.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { leadWords } from '../words/lead.ts';

export type Lead = OutputOf<typeof crm.list_leads>['items'][number];
export const leadStatuses = ['new', 'in_process', 'converted', 'dead'] as const satisfies readonly NonNullable<Lead['status']>[];

/** A status that is not mapped is named as the CRM names it. */
export function leadStatus(desk: Desk, { status, statusName }: Pick<Lead, 'status' | 'statusName'>): string {
  const t = desk.words(leadWords);
  return status === null ? (statusName ?? t('statusUnknown')) : t(`status_${status}`);
}
export function readLeads(
  desk: Desk,
  wanted: { readonly phoneNumber?: string; readonly cursor?: string | undefined; readonly limit: number },
  signal: AbortSignal,
) {
  const { cursor, ...rest } = wanted;
  return desk.api.call<typeof crm.list_leads>(
    'GET /api/v1/crm/leads',
    { ...rest, ...(cursor === undefined ? {} : { cursor }) },
    { signal },
  );
}

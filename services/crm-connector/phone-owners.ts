import { isHidden, phoneOwners } from '../../adapters/store/phone-owners.ts';
import type { Queries } from '../../bus/service.ts';
import { normalizePhone } from '../../contracts/common.ts';

export const phonesInCrm = phoneOwners('crm_connector.phone_owners');

/** The records that a person sees, by their phones; null sees all. */
export async function withSeenPhones<T extends { readonly phoneNumber: string | null }>(
  db: Queries,
  records: readonly T[],
  personId: string | null,
): Promise<readonly T[]> {
  if (personId === null) return records;
  const phoneOf = ({ phoneNumber }: T): string => normalizePhone(phoneNumber ?? '');
  const owners = await phonesInCrm.of(db, [...new Set(records.map(phoneOf))]);
  return records.filter((record) => !isHidden(owners.get(phoneOf(record)) ?? [], personId));
}

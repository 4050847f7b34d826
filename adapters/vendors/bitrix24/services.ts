/** The catalogue of services. */
import { Line } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { BookingService } from '../../booking/port.ts';
import { type BitrixClient, type BitrixRecord, idOf, type Params, recordsOf } from './client.ts';

export interface Services {
  /** Parameters that list these services, or all. */
  query(serviceIds?: readonly string[]): Params;
  list(signal: AbortSignal): Promise<readonly BookingService[]>;
  /** @throws PolybError not_found/unknown_service. */
  check(serviceIds: readonly string[], signal: AbortSignal): Promise<void>;
}
export function bitrixServices(bitrix: BitrixClient, iblockId: number): Services {
  /** `id` and `iblockId` are mandatory. */
  const query = (serviceIds?: readonly string[]) => ({
    select: ['id', 'iblockId', 'name', 'active'],
    filter: { iblockId, ...(serviceIds !== undefined && { id: serviceIds }) },
    order: { id: 'asc' },
  });
  return {
    query,
    async list(signal) {
      const found = await bitrix.list('catalog.product.service.list', query(), { key: 'services', pages: 10, signal });
      return found.filter(({ active }) => active !== 'N').map(serviceFrom);
    },
    async check(serviceIds, signal) {
      const found = await bitrix.call('catalog.product.service.list', query(serviceIds), { signal });
      const known = recordsOf(found, 'services', 'catalog.product.service.list of Bitrix24').map(idOf);
      if (serviceIds.every((id) => known.includes(id))) return;
      throw new PolybError('not_found', 'The catalogue of services of Bitrix24 has no such service.', { reason: 'unknown_service' });
    },
  };
}
/** The catalogue has no lengths, and keeps prices apart. */
function serviceFrom(service: BitrixRecord): BookingService {
  const serviceId = idOf(service);
  const name = Line.safeParse(String(service.name ?? '').slice(0, 200)).data ?? serviceId;
  return { serviceId, name, category: null, durationMinutes: null, price: null };
}

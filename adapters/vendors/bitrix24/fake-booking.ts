/** Booking and the catalogue of services of the fake Bitrix24. Source: b24restdocs, booking and catalog/product/service. */
import { type Params, refused } from './fake-items.ts';
import { type Did, type Methods, paged } from './fake-methods.ts';

export interface Resource {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly slots: readonly WeeklySlots[];
}
/** Hours of some weekdays, in minutes of the day. */
export interface WeeklySlots {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly timezone: string;
  readonly weekDays: readonly string[];
  readonly slotSize: number;
}
interface Moment {
  readonly timestamp: number;
  readonly timezone: string;
}
export interface FakeBooking {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly resourceIds: readonly number[];
  readonly datePeriod: { readonly from: Moment; readonly to: Moment };
}
interface ClientRef {
  readonly id: number;
  readonly type: { readonly module: string; readonly code: string };
}
export interface BookingRecords {
  readonly resources: Resource[];
  readonly services: { readonly id: number; readonly iblockId: number; readonly name: string; readonly active: string }[];
  readonly bookings: FakeBooking[];
  readonly clients: Map<number, readonly ClientRef[]>;
}

const week = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'];
const hours = (id: number): WeeklySlots => ({ id, from: 540, to: 1080, timezone: 'Europe/Moscow', weekDays: week, slotSize: 60 });

export function bookingMethods({
  did,
}: {
  readonly did: Did;
}): BookingRecords & { readonly methods: Methods; refuseClients(times: number): void } {
  let refusals = 0;
  const resources: Resource[] = [
    { id: 5, name: 'Anna', description: 'Hairdresser', slots: [hours(171)] },
    { id: 7, name: 'Maria', description: null, slots: [hours(172)] },
  ];
  const services = [
    { id: 1265, iblockId: 23, name: 'Haircut', active: 'Y' },
    { id: 1266, iblockId: 23, name: 'Colouring', active: 'Y' },
  ];
  const bookings: FakeBooking[] = [];
  const clients = new Map<number, readonly ClientRef[]>();
  let lastId = 1822;

  const required = (params: Params, name: string): unknown => {
    if (params[name] === undefined) throw refused(400, 100, `Could not find value for parameter {${name}}`);
    return params[name];
  };
  const bookingOf = (id: unknown, error: 1019 | 1021): FakeBooking => {
    const found = bookings.find((each) => each.id === Number(id));
    if (found === undefined) throw refused(400, error, 'Booking not found');
    return found;
  };
  const resourceOf = (id: unknown): Resource => {
    const found = resources.find((each) => each.id === Number(id));
    if (found === undefined) throw refused(400, 1009, 'Resource not found');
    return found;
  };
  function momentOf(given: unknown): Moment {
    const { timestamp, timezone } = (given ?? {}) as Partial<Moment>;
    if (!/^\d+$/.test(String(timestamp)) || typeof timezone !== 'string') throw refused(400, 0, 'Required fields: timestamp, timezone');
    return { timestamp: Number(timestamp), timezone };
  }
  function accepted(fields: Params, itself?: FakeBooking): Omit<FakeBooking, 'id'> {
    const { resourceIds, datePeriod } = fields;
    if (resourceIds === undefined || datePeriod === undefined) throw refused(400, 0, 'Required fields: resourceIds, datePeriod');
    const { from, to } = datePeriod as { readonly from?: unknown; readonly to?: unknown };
    const period = { from: momentOf(from), to: momentOf(to) };
    if (period.from.timestamp >= period.to.timestamp) throw refused(400, 422, 'Invalid date period');
    const ids = Object.values(resourceIds as object).map(Number);
    const isFree = (id: number) =>
      resources.some((resource) => resource.id === id) &&
      !bookings.some(
        (other) => other !== itself && other.resourceIds.includes(id) && overlaps(other, period.from.timestamp, period.to.timestamp),
      );
    if (ids.length === 0 || !ids.every(isFree)) throw refused(400, 1018, 'Empty resource collection');
    const { name = itself?.name ?? '', description = itself?.description ?? null } = fields;
    return { name: String(name), description: description === null ? null : String(description), resourceIds: ids, datePeriod: period };
  }

  const methods: Methods = {
    'booking.v1.resource.list': (params) =>
      paged(
        resources.map(({ slots: _, ...resource }) => resource),
        params,
        (page) => ({ resource: page }),
      ),
    'booking.v1.resource.get': ({ id }) => {
      const { slots: _, ...resource } = resourceOf(required({ id }, 'id'));
      return { result: { resource } };
    },
    'booking.v1.resource.slots.list': ({ resourceId }) => ({ result: { slots: resourceOf(required({ resourceId }, 'resourceId')).slots } }),
    'booking.v1.booking.add': ({ fields }) => {
      const stored = accepted(required({ fields }, 'fields') as Params);
      lastId += 1;
      bookings.push({ id: lastId, ...stored });
      did({ entity: 'booking', id: String(lastId), record: bookings.at(-1) });
      return { result: { id: lastId } };
    },
    'booking.v1.booking.update': ({ id, fields }) => {
      const found = bookingOf(required({ id }, 'id'), 1019);
      const next = { id: found.id, ...accepted(required({ fields }, 'fields') as Params, found) };
      bookings[bookings.indexOf(found)] = next;
      did({ entity: 'booking', id: String(found.id), record: next });
      return { result: true };
    },
    'booking.v1.booking.get': ({ id }) => ({ result: { booking: bookingOf(required({ id }, 'id'), 1021) } }),
    'booking.v1.booking.delete': ({ id }) => {
      const found = bookingOf(required({ id }, 'id'), 1021);
      bookings.splice(bookings.indexOf(found), 1);
      did({ entity: 'booking', id: String(found.id), record: found });
      return { result: true };
    },
    'booking.v1.booking.list': (params) => {
      const { within, client } = (params.filter ?? params.FILTER ?? {}) as { readonly within?: Params; readonly client?: Params };
      const { dateFrom, dateTo } = within ?? {};
      if (within !== undefined && (dateFrom === undefined || dateTo === undefined))
        throw refused(400, 0, 'Required fields: dateFrom, dateTo');
      const wanted = Object.values((client?.entities ?? {}) as object) as readonly Params[];
      const found = bookings.filter(
        (each) =>
          (within === undefined || begins(each, Number(dateFrom), Number(dateTo))) &&
          (client === undefined || wanted.some(({ id, code }) => isClientOf(each.id, Number(id), String(code)))),
      );
      return paged(found, params, (page) => ({ booking: page }));
    },
    'booking.v1.booking.client.set': ({ bookingId, clients: given }) => {
      const { id } = bookingOf(required({ bookingId }, 'bookingId'), 1021);
      if (refusals > 0) {
        refusals -= 1;
        throw refused(500, 'INTERNAL_SERVER_ERROR', 'Internal server error');
      }
      const refs = Object.values(required({ clients: given }, 'clients') as object) as readonly ClientRef[];
      if (refs.some((ref) => ref.type?.module !== 'crm' || !['CONTACT', 'COMPANY'].includes(ref.type.code)))
        throw refused(400, 0, 'Required fields: type');
      clients.set(
        id,
        refs.map((ref) => ({ id: Number(ref.id), type: ref.type })),
      );
      did({ entity: 'client', id: String(id), record: clients.get(id) });
      return { result: true };
    },
    'booking.v1.booking.client.list': ({ bookingId }) => {
      const { id } = bookingOf(required({ bookingId }, 'bookingId'), 1021);
      return { result: { bookingClient: clients.get(id) ?? [] } };
    },
    'catalog.product.service.list': (params) => {
      const select = Object.values((params.select ?? {}) as object);
      const { iblockId, id } = (params.filter ?? {}) as Params;
      const ids = id === undefined ? undefined : [id].flat().map(Number);
      if (!select.includes('id') || !select.includes('iblockId'))
        throw refused(400, 0, 'Fields id, iblockId are not specified in the selection fields');
      if (iblockId === undefined) throw refused(400, 0, 'Field iblockId is not specified in the filter');
      const catalogue = services.filter((service) => service.iblockId === Number(iblockId));
      const found = catalogue.filter((service) => ids === undefined || ids.includes(service.id));
      if (catalogue.length === 0) throw refused(400, 200_040_300_010, 'Access denied');
      return paged(found, params, (page) => ({ services: page }));
    },
  };
  const isClientOf = (bookingId: number, id: number, code: string) =>
    (clients.get(bookingId) ?? []).some((ref) => ref.id === id && ref.type.code === code);
  return {
    resources,
    services,
    bookings,
    clients,
    methods,
    refuseClients: (times) => {
      refusals = times;
    },
  };
}

function overlaps({ datePeriod: { from, to } }: FakeBooking, start: number, end: number): boolean {
  return from.timestamp < end && to.timestamp > start;
}
/** The documents do not say whether a booking that began before counts; the fake leaves it out. */
function begins({ datePeriod: { from } }: FakeBooking, start: number, end: number): boolean {
  return from.timestamp >= start && from.timestamp < end;
}

/** The workspace behind the fake of EasyWeek: one location, services, employees, customers and bookings. */
import { randomUUID } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { Refusal } from '../../fake-server.ts';

export type Row = Record<string, unknown> & { readonly uuid: string };
export type Body = Readonly<Record<string, unknown>>;

/** A validation error of Laravel. */
export function invalid(field: string, text: string): Refusal {
  return new Refusal({ status: 422, body: { message: text, errors: { [field]: [text] } } });
}

const id = (nth: number) => `00000000-0000-4000-8000-${String(nth).padStart(12, '0')}`;
export const locationId = id(1);
export const zone = 'Europe/Berlin';
export const services = [
  { uuid: id(11), name: 'Haircut', duration: { value: 60, label: 'minutes' }, price: 4000, category: { uuid: id(7), name: 'Hair' } },
  { uuid: id(12), name: 'Colouring', duration: { value: 5400, label: 'seconds' }, price: '9000', category: null },
] as const;
export const staffers = [
  { uuid: id(21), first_name: 'Anna', last_name: 'Müller', position: 'Stylist', services: [id(11), id(12)] },
  { uuid: id(22), first_name: 'Olga', last_name: '', position: null, services: [id(11)] },
] as const;
const [opensAt, closesAt] = [10, 18];
const minutesOf = (serviceId: string) => (serviceId === id(12) ? 90 : 60);

export interface FakeWorkspace {
  readonly customers: Row[];
  readonly bookings: Row[];
  addCustomer(customer: {
    readonly phone: string;
    readonly first_name: string;
    readonly last_name?: string;
    readonly email?: string | null;
  }): Row;
  /** Past all checks, as the owner does. */
  addBooking(booking: {
    readonly serviceId: string;
    readonly start: number;
    readonly stafferId: string;
    readonly customer?: Row | null;
    readonly notes?: string;
  }): Row;
  book(body: Body): Row;
  view(booking: Row): Body;
  /** Free intervals of a day, in Unix ms. */
  free(day: string, serviceId: string, stafferId: string | null): readonly (readonly [number, number])[];
}

export function fakeWorkspace(now: () => number): FakeWorkspace {
  const customers: Row[] = [];
  const bookings: Row[] = [];
  const digits = (phone: unknown) => String(phone ?? '').replace(/\D/g, '');
  const at = (day: string, hour: number) =>
    Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from({ hour }) }).epochMilliseconds;
  const able = (serviceId: string, stafferId: string | null) =>
    staffers.filter(
      ({ uuid, services: those }) => (stafferId === null || uuid === stafferId) && (those as readonly string[]).includes(serviceId),
    );
  /** Gaps of one employee between opening and closing. */
  function gaps(day: string, stafferId: string): [number, number][] {
    let free: [number, number][] = [[Math.max(at(day, opensAt), now()), at(day, closesAt)]];
    for (const booking of bookings.filter(({ staffer_uuid, is_canceled }) => staffer_uuid === stafferId && is_canceled !== true)) {
      const [start, end] = [Number(booking.start), Number(booking.end)];
      free = free.flatMap(([from, to]): [number, number][] =>
        end <= from || start >= to
          ? [[from, to]]
          : [
              [from, start],
              [end, to],
            ],
      );
    }
    return free.filter(([from, to]) => to > from);
  }

  const it: FakeWorkspace = {
    customers,
    bookings,
    addCustomer({ phone, first_name, last_name = '', email = null }) {
      const row: Row = { uuid: randomUUID(), phone: `+${digits(phone)}`, first_name, last_name, email };
      customers.push(row);
      return row;
    },
    addBooking({ serviceId, start, stafferId, customer = null, notes = '' }) {
      const row: Row = {
        uuid: randomUUID(),
        service_uuid: serviceId,
        staffer_uuid: stafferId,
        customer_uuid: customer?.uuid ?? null,
        start,
        end: start + minutesOf(serviceId) * 60_000,
        public_notes: notes,
        is_canceled: false,
        is_completed: false,
      };
      bookings.push(row);
      return row;
    },
    free(day, serviceId, stafferId) {
      const length = minutesOf(serviceId) * 60_000;
      const all = able(serviceId, stafferId)
        .flatMap(({ uuid }) => gaps(day, uuid))
        .filter(([from, to]) => to - from >= length);
      // Overlapping intervals of several employees are one.
      const merged: [number, number][] = [];
      for (const [from, to] of all.sort(([a], [b]) => a - b)) {
        const last = merged.at(-1);
        if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
        else merged.push([from, to]);
      }
      return merged;
    },
    book(body) {
      const { location_uuid, service_uuid, staffer_uuid, reserved_on, customer_phone, customer_first_name } = body;
      if (location_uuid !== locationId) throw invalid('location_uuid', 'The selected location is invalid.');
      if (!services.some(({ uuid }) => uuid === service_uuid)) throw invalid('service_uuid', 'The selected service is invalid.');
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(String(reserved_on)))
        throw invalid('reserved_on', 'The date does not match the format.');
      if (!/^\+[1-9]\d{9,14}$/.test(String(customer_phone))) throw invalid('customer_phone', 'The phone is invalid.');
      if (typeof customer_first_name !== 'string' || customer_first_name === '')
        throw invalid('customer_first_name', 'The name is required.');
      const serviceId = String(service_uuid);
      const start = Date.parse(String(reserved_on));
      const end = start + minutesOf(serviceId) * 60_000;
      const day = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(zone).toPlainDate().toString();
      const staffer = able(serviceId, typeof staffer_uuid === 'string' ? staffer_uuid : null).find(({ uuid }) =>
        gaps(day, uuid).some(([from, to]) => from <= start && end <= to),
      );
      if (staffer === undefined) throw invalid('reserved_on', 'The time is not available.');
      const known = customers.find(({ phone }) => digits(phone) === digits(customer_phone));
      const customer =
        known ??
        it.addCustomer({
          phone: String(customer_phone),
          first_name: customer_first_name,
          last_name: String(body.customer_last_name ?? ''),
          email: (body.customer_email as string | undefined) ?? null,
        });
      return it.addBooking({ serviceId, start, stafferId: staffer.uuid, customer, notes: String(body.booking_comment ?? '') });
    },
    view(booking) {
      const utc = (ms: unknown) => new Date(Number(ms)).toISOString().replace('.000Z', '+00:00');
      const staffer = staffers.find(({ uuid }) => uuid === booking.staffer_uuid);
      return {
        uuid: booking.uuid,
        location_uuid: locationId,
        start_time: utc(booking.start),
        end_time: utc(booking.end),
        timezone: zone,
        status_type: booking.is_canceled === true ? 'canceled' : 'new',
        is_canceled: booking.is_canceled,
        is_completed: booking.is_completed,
        public_notes: booking.public_notes,
        customer: customers.find(({ uuid }) => uuid === booking.customer_uuid) ?? null,
        ordered_services: [
          {
            service_uuid: booking.service_uuid,
            staffer: staffer === undefined ? null : { uuid: staffer.uuid, first_name: staffer.first_name, last_name: staffer.last_name },
          },
        ],
      };
    },
  };
  return it;
}

/**
 * Bitrix24 as a booking system: resources are employees, products of the service catalogue are services. The portal has weekly hours and
 * bookings, no free slots: they are computed here. A cancelled booking is deleted there.
 */
import { Line } from '../../../contracts/common.ts';
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Booking, type BookingClient, type Days, everything } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { addDays } from '../../booking/zone.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import type { Deps } from '../../deps.ts';
import type { TokenStore } from '../../oauth.ts';
import { nameOf, periodOf, resourceIdsOf } from './appointments.ts';
import { bookingEffects } from './booking-effects.ts';
import { type BitrixRecord, idOf, recordsOf } from './client.ts';
import { bitrixContacts, contactEffect, contactFrom, isItemId } from './contacts.ts';
import { bitrixDiary } from './diary.ts';
import { type BitrixBookingSettings, bitrixOf } from './settings.ts';
import { freeSlotsOf } from './slots.ts';

export function bitrixBooking(
  options: BitrixBookingSettings,
  deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>,
  oauth?: { readonly tokens: Pick<TokenStore, 'access'> },
): Booking {
  const { BITRIX24_SETTLE_MS: settleMs, BITRIX24_SERVICES_IBLOCK_ID: iblockId, BITRIX24_PHONE_COUNTRY: country } = options;
  const { bitrix } = bitrixOf(options, deps, oauth?.tokens);
  const diary = bitrixDiary(bitrix, { timeZone: options.BITRIX24_TIME_ZONE, country });
  const contacts = bitrixContacts(bitrix, country);
  const createContact = contactEffect(bitrix, settleMs);
  /** `id` and `iblockId` are mandatory. */
  const serviceQuery = (serviceIds?: readonly string[]) => ({
    select: ['id', 'iblockId', 'name', 'active'],
    filter: { iblockId, ...(serviceIds !== undefined && { id: serviceIds }) },
    order: { id: 'asc' },
  });
  const spanOf = async ({ from, days }: Days, signal: AbortSignal): Promise<Interval> => {
    const zone = await diary.zone(signal);
    return { from: zone.at(from, 0), to: zone.at(addDays(from, days), 0) };
  };
  async function checkServices(serviceIds: readonly string[], signal: AbortSignal): Promise<void> {
    const found = await bitrix.call('catalog.product.service.list', serviceQuery(serviceIds), { signal });
    const known = recordsOf(found, 'services', 'catalog.product.service.list of Bitrix24').map(idOf);
    if (serviceIds.every((id) => known.includes(id))) return;
    throw new PolybError('not_found', 'The catalogue of services of Bitrix24 has no such service.', { reason: 'unknown_service' });
  }

  return {
    capabilities: () => ({ system: 'bitrix24', methods: { ...everything, get_free_slots: 'emulated' } }),
    timeZone: async (signal) => (await diary.zone(signal)).name,
    async listServices(_, signal) {
      const found = await bitrix.list('catalog.product.service.list', serviceQuery(), { key: 'services', pages: 10, signal });
      return found.filter(({ active }) => active !== 'N').map(serviceFrom);
    },
    async listEmployees(_, signal) {
      return (await diary.resources(signal)).map((resource) => ({
        employeeId: idOf(resource),
        name: nameOf(resource) ?? idOf(resource),
        position: Line.safeParse(resource.description).data ?? null,
        serviceIds: null,
      }));
    },
    async getFreeSlots({ from, days, serviceIds, employeeId }, signal) {
      await checkServices(serviceIds, signal);
      const employees = (await diary.resources(signal)).filter((each) => employeeId === undefined || idOf(each) === employeeId);
      const hours = await diary.hours(employees.map(idOf), signal);
      const span = await spanOf({ from, days }, signal);
      const busy = busyTimes(await diary.bookings(span, {}, signal));
      const wanted = { serviceIds, span, notBefore: deps.now(), zone: await diary.zone(signal) };
      return employees
        .map((each) => ({ id: idOf(each), name: nameOf(each) }))
        .flatMap(({ id, name }) => freeSlotsOf({ id, name, hours: hours.get(id) ?? [], busy: busy.get(id) ?? [] }, wanted))
        .toSorted((a, b) => Date.parse(a.start) - Date.parse(b.start));
    },
    async findClients(phoneNumber, signal) {
      return (await contacts.withPhone(phoneNumber, signal)).map((contact) => clientFrom(contact, country));
    },
    createClient: {
      attempt: async ({ name, phoneNumber, email }, at) =>
        asClient(await createContact.attempt({ firstName: name, phoneNumber, email }, at)),
      onUnknown: lookUp(settleMs, async (attempt, signal) => {
        const found = await createContact.onUnknown.find(attempt, signal);
        return found === null ? null : asClient(found);
      }),
    },
    getAppointment: diary.appointment,
    async listAppointments({ from, days, clientId }, signal) {
      if (clientId !== undefined && !isItemId(clientId)) return [];
      const span = await spanOf({ from, days }, signal);
      const entities = [{ module: 'crm', code: 'CONTACT', id: Number(clientId) }];
      const begin = (booking: BitrixRecord) => periodOf(booking).from;
      const found = (await diary.bookings(span, clientId === undefined ? {} : { client: { entities } }, signal))
        .filter((booking) => begin(booking) >= span.from && begin(booking) < span.to)
        .toSorted((a, b) => begin(a) - begin(b))
        .slice(0, 501);
      // A portal may ignore a filter.
      return (await diary.appointments(found, signal)).filter((each) => clientId === undefined || each.clientId === clientId);
    },
    ...bookingEffects({ bitrix, diary, settleMs, country, connection: deps.connection, cache: deps.cache, serviceQuery }),
  };
}

/** By resource. */
function busyTimes(bookings: readonly BitrixRecord[]): ReadonlyMap<string, readonly Interval[]> {
  const busy = new Map<string, Interval[]>();
  for (const booking of bookings)
    for (const id of resourceIdsOf(booking)) {
      const of = busy.get(id) ?? [];
      busy.set(id, of);
      of.push(periodOf(booking));
    }
  return busy;
}
/** The length of a service is that of a slot of the employee; the catalogue has none, and keeps prices apart. */
function serviceFrom(service: BitrixRecord) {
  const serviceId = idOf(service);
  const name = Line.safeParse(String(service.name ?? '').slice(0, 200)).data ?? serviceId;
  return { serviceId, name, category: null, durationMinutes: null, price: null };
}
function clientFrom(contact: BitrixRecord, country: PhoneCountry): BookingClient {
  const { contactId, firstName, lastName, phones, email } = contactFrom(contact, country);
  const name = [firstName, lastName].filter(Boolean).join(' ').slice(0, 200);
  return { clientId: contactId, name: name === '' ? null : name, phones, email, isMasked: false };
}
const asClient = ({ contactId, created }: { readonly contactId: string; readonly created: boolean }) => ({ clientId: contactId, created });

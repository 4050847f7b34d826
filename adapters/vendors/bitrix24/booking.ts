/**
 * Bitrix24 as a booking system: resources are employees, products of the service catalogue are services. The portal has weekly hours and
 * bookings, no free slots: they are computed here. A cancelled booking is deleted there. `calendar.ts` does without the booking module.
 */
import { Line } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Booking, type Days, everything } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { addDays, zoneOf } from '../../booking/zone.ts';
import type { Deps } from '../../deps.ts';
import type { TokenStore } from '../../oauth.ts';
import { nameOf, periodOf, resourceIdsOf } from './appointments.ts';
import { bookingEffects } from './booking-effects.ts';
import { calendarBooking } from './calendar.ts';
import { type BitrixRecord, idOf } from './client.ts';
import { bitrixClients } from './clients.ts';
import { isItemId } from './contacts.ts';
import { bitrixDiary } from './diary.ts';
import { bitrixServices } from './services.ts';
import { type BitrixBookingSettings, bitrixOf } from './settings.ts';
import { freeSlotsOf } from './slots.ts';

export function bitrixBooking(
  options: BitrixBookingSettings,
  deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>,
  oauth?: { readonly tokens: Pick<TokenStore, 'access'> },
): Booking {
  const { BITRIX24_SETTLE_MS: settleMs, BITRIX24_PHONE_COUNTRY: country, BITRIX24_TIME_ZONE: timeZone } = options;
  const { bitrix } = bitrixOf(options, deps, oauth?.tokens);
  const services = bitrixServices(bitrix, options.BITRIX24_SERVICES_IBLOCK_ID);
  const shared = {
    ...bitrixClients(bitrix, { settleMs, country }),
    listServices: (_: object, signal: AbortSignal) => services.list(signal),
  };
  if (options.BITRIX24_BOOKING_SOURCE === 'calendar') {
    if (timeZone !== undefined) return { ...shared, ...calendarBooking({ options, bitrix, services, zone: zoneOf(timeZone), deps }) };
    throw new PolybError('failed_precondition', 'Calendars of Bitrix24 need BITRIX24_TIME_ZONE.', { reason: 'bad_settings' });
  }
  const diary = bitrixDiary(bitrix, { timeZone, country });
  const spanOf = async ({ from, days }: Days, signal: AbortSignal): Promise<Interval> => {
    const zone = await diary.zone(signal);
    return { from: zone.at(from, 0), to: zone.at(addDays(from, days), 0) };
  };

  return {
    ...shared,
    capabilities: () => ({ system: 'bitrix24', methods: { ...everything, get_free_slots: 'emulated' } }),
    timeZone: async (signal) => (await diary.zone(signal)).name,
    async listEmployees(_, signal) {
      return (await diary.resources(signal)).map((resource) => ({
        employeeId: idOf(resource),
        name: nameOf(resource) ?? idOf(resource),
        position: Line.safeParse(resource.description).data ?? null,
        serviceIds: null,
      }));
    },
    async getFreeSlots({ from, days, serviceIds, employeeId }, signal) {
      await services.check(serviceIds, signal);
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
    ...bookingEffects({ bitrix, diary, settleMs, country, connection: deps.connection, cache: deps.cache, services }),
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

/** Services, employees and free times of a location, as online booking shows them; no user is needed. */
import type { z } from 'zod';
import type { BookingService as ServiceSchema } from '../../../contracts/booking.ts';
import { Line, PersonName, TimeZone } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Booking, BookingService, Employee, FreeSlot, OfferedSlot } from '../../booking/port.ts';
import { addDays, daysFrom, type Zone, zoneOf } from '../../booking/zone.ts';
import type { Call, SalonClient } from './client.ts';
import type { Platform, SalonOptions } from './platform.ts';
import { type Fields, fieldsOf, idOf, instantOf, listOf, minutesOf, numberOf, textOf } from './values.ts';

export interface Schedule extends Pick<Booking, 'timeZone' | 'listServices' | 'listEmployees' | 'getFreeSlots'> {
  zone(signal: AbortSignal): Promise<Zone>;
  /** Whether online booking still offers the time of a slot. */
  isFree(slot: OfferedSlot, signal: AbortSignal): Promise<boolean>;
}
/** Enough for the largest page of slots; each day is a request. */
const mostSlots = 1001;
/** Stands for an employee that the location chooses. */
const anybody = '0';
const utc = zoneOf('UTC');

export function scheduleOf(client: SalonClient, platform: Platform, options: SalonOptions, now: () => number): Schedule {
  const { companyId } = options;
  let known: Zone | undefined;
  async function zoneAt(signal: AbortSignal): Promise<Zone> {
    if (known !== undefined) return known;
    const name = options.timeZone ?? (await zoneName(signal));
    known = zoneOf(name);
    return known;
  }
  async function zoneName(signal: AbortSignal): Promise<string> {
    const { data } = await client.call({ path: `company/${companyId}`, signal, what: 'Reading the location' });
    const { data: name } = TimeZone.safeParse(fieldsOf(data).timezone_name);
    if (name !== undefined) return name;
    throw new PolybError(
      'failed_precondition',
      `${platform.title} does not name the time zone of the location; set ${platform.timeZoneSetting}.`,
      {
        reason: 'crm_rejected',
      },
    );
  }

  const services = async (employeeId: string | undefined, signal: AbortSignal): Promise<readonly BookingService[]> => {
    const { data } = await client.call({
      path: `book_services/${companyId}`,
      query: { staff_id: employeeId },
      signal,
      what: 'Listing services',
    });
    const { services: offered, category } = fieldsOf(data);
    const categories = new Map(listOf(category).map(({ id, title }) => [String(id), textOf(title)]));
    return listOf(offered)
      .flatMap((fields) => serviceFrom(fields, categories, options.currency) ?? [])
      .slice(0, 500);
  };
  const listEmployees: Schedule['listEmployees'] = async ({ serviceId }, signal) => {
    const query = { 'service_ids[]': serviceId };
    const { data } = await client.call({ path: `book_staff/${companyId}`, query, signal, what: 'Listing employees' });
    return listOf(data)
      .filter(isBookable)
      .flatMap((fields) => employeeFrom(fields) ?? [])
      .slice(0, 500);
  };
  /** Days with free times, of those that are asked for. A reply names them by time, midnight in UTC whatever the zone, and by month. */
  async function freeDays(wanted: readonly string[], query: NonNullable<Call['query']>, signal: AbortSignal): Promise<readonly string[]> {
    const { data } = await client.call({ path: `book_dates/${companyId}`, query, signal, what: 'Listing free days' });
    const { booking_dates: dates, booking_days: days } = fieldsOf(data);
    if (Array.isArray(dates)) {
      const free = new Set(dates.map(dayOf));
      return wanted.filter((day) => free.has(day));
    }
    const free = (month: number, day: number) => [fieldsOf(days)[String(month)] ?? []].flat().map(Number).includes(day);
    return wanted.filter((day) => free(Number(day.slice(5, 7)), Number(day.slice(8))));
  }
  async function times(
    slot: { readonly employeeId: string | null; readonly serviceIds: readonly string[] },
    day: string,
    signal: AbortSignal,
  ): Promise<readonly FreeSlot[]> {
    const zone = await zoneAt(signal);
    const { data } = await client.call({
      path: `book_times/${companyId}/${slot.employeeId ?? anybody}/${day}`,
      query: { 'service_ids[]': slot.serviceIds },
      signal,
      what: 'Listing free times',
    });
    return listOf(data).flatMap(({ datetime, seance_length }) => {
      const [ms, durationMinutes] = [instantOf(datetime, zone), minutesOf(seance_length)];
      if (ms === null || durationMinutes === null || durationMinutes > 1440) return [];
      const { employeeId, serviceIds } = slot;
      // The reply's own value goes back unchanged, be it text or a number.
      return {
        start: zone.iso(ms),
        durationMinutes,
        employeeId,
        employeeName: null,
        serviceIds: [...serviceIds],
        price: null,
        value: JSON.stringify(datetime),
      };
    });
  }

  return {
    timeZone: async (signal) => (await zoneAt(signal)).name,
    zone: zoneAt,
    async listServices({ employeeId }, signal) {
      if (employeeId !== undefined && idOf(employeeId) === null) return [];
      const offered = await services(employeeId, signal);
      if (employeeId !== undefined || !client.hasUser || offered.every(({ durationMinutes }) => durationMinutes !== null)) return offered;
      // Only the list for the location's own staff has durations without an employee.
      const { data } = await client.call({ path: platform.servicesPath(companyId), signal, what: 'Reading the durations of services' });
      const durations = new Map(listOf(data).map(({ id, seance_length }) => [String(id), minutesOf(seance_length)]));
      return offered.map((service) => ({
        ...service,
        durationMinutes: service.durationMinutes ?? durations.get(service.serviceId) ?? null,
      }));
    },
    listEmployees,
    async getFreeSlots({ serviceIds, employeeId, from, days }, signal) {
      const zone = await zoneAt(signal);
      const offered = new Map((await services(employeeId, signal)).map((service) => [service.serviceId, service]));
      const unknown = serviceIds.find((id) => !offered.has(id));
      if (unknown !== undefined)
        throw new PolybError(
          'not_found',
          `${platform.title} offers no service ${unknown}${employeeId === undefined ? '' : ' of this employee'}.`,
          { reason: 'unknown_service' },
        );
      const today = zone.dayOf(now());
      const wanted = daysFrom({ from, days }).filter((day) => day >= today);
      const query = { 'service_ids[]': serviceIds, staff_id: employeeId, date_from: from, date_to: addDays(from, days - 1) };
      const free = wanted.length === 0 ? [] : await freeDays(wanted, query, signal);
      const employeeName =
        employeeId === undefined || free.length === 0
          ? null
          : ((await listEmployees({}, signal)).find((each) => each.employeeId === employeeId)?.name ?? null);
      const price = priceOf(serviceIds.flatMap((id) => offered.get(id) ?? []));
      const slots: FreeSlot[] = [];
      for (const day of free) {
        if (slots.length >= mostSlots) break;
        for (const slot of await times({ employeeId: employeeId ?? null, serviceIds }, day, signal))
          if (Date.parse(slot.start) > now()) slots.push({ ...slot, employeeName, price });
      }
      return slots.sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
    },
    async isFree(slot, signal) {
      const ms = Date.parse(slot.start);
      const offered = await times(slot, (await zoneAt(signal)).dayOf(ms), signal);
      return offered.some(({ start }) => Date.parse(start) === ms);
    },
  };
}

type Price = z.output<typeof ServiceSchema>['price'];
function serviceFrom(fields: Fields, categories: ReadonlyMap<string, string | null>, currency: string | undefined): BookingService | null {
  const [serviceId, name] = [idOf(fields.id), textOf(fields.title)];
  if (serviceId === null || name === null) return null;
  const durationMinutes = minutesOf(fields.seance_length);
  return {
    serviceId,
    name: name.slice(0, 200),
    category: Line.safeParse(categories.get(String(fields.category_id))).data ?? null,
    durationMinutes: durationMinutes !== null && durationMinutes <= 1440 ? durationMinutes : null,
    price: currency === undefined ? null : rangeFrom(fields, currency),
  };
}
/** A highest price of 0 means that there is one price. */
function rangeFrom({ price_min, price_max }: Fields, currency: string): Price {
  const [min, max] = [numberOf(price_min), numberOf(price_max)];
  if (min === null || min < 0) return null;
  const unit = 10 ** (new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2);
  const money = (amount: number) => ({ amountMinor: Math.round(amount * unit), currency });
  return { from: money(min), to: money(Math.max(min, max ?? 0)) };
}
/** Null unless each of the services has one price. */
function priceOf(services: readonly BookingService[]): FreeSlot['price'] {
  const prices = services.map(({ price }) => (price !== null && price.from.amountMinor === price.to.amountMinor ? price.from : null));
  const [first] = prices;
  if (first === undefined || prices.includes(null)) return null;
  return { amountMinor: prices.reduce((sum, each) => sum + (each?.amountMinor ?? 0), 0), currency: first?.currency ?? '' };
}
const isTrue = (value: unknown): boolean => value === true || value === 1 || value === '1';
const isBookable = ({ bookable, fired, hidden }: Fields): boolean => bookable !== false && !isTrue(fired) && !isTrue(hidden);
function employeeFrom(fields: Fields): Employee | null {
  const [employeeId, name] = [idOf(fields.id), PersonName.safeParse(fields.name).data];
  if (employeeId === null || name === undefined) return null;
  // A position is an empty array where there is none.
  const position = Line.safeParse(textOf(fieldsOf(fields.position).title) ?? textOf(fields.specialization)).data ?? null;
  return { employeeId, name, position, serviceIds: null };
}
function dayOf(date: unknown): string | null {
  const ms = instantOf(date, utc) ?? (/^\d{4}-\d\d-\d\d$/.test(String(date)) ? Date.parse(String(date)) : null);
  return ms === null ? null : new Date(ms).toISOString().slice(0, 10);
}

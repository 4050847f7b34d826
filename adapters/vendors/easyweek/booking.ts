/**
 * EasyWeek (public API v2). A customer is known by the phone and comes into being with a booking; free times are intervals, which are cut
 * into slots here; a move is a second booking and the cancellation of the first.
 */
import { z } from 'zod';
import { durationMs, secret, text, url } from '../../../config/settings.ts';
import { Line, PersonName, TimeZone } from '../../../contracts/common.ts';
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { clientIdOfPhone } from '../../booking/phone-client.ts';
import { type Appointment, type Booking, type BookingService, everything, type FreeSlot } from '../../booking/port.ts';
import { addDays, type Zone, zoneOf } from '../../booking/zone.ts';
import type { Deps } from '../../deps.ts';
import { bookingEffects, severalServices } from './bookings.ts';
import { easyWeekClient, type Fields } from './client.ts';
import { appointmentFrom, boundOf, clientFrom, fieldsOf, isUuid, minutesOf, moneyOf, nameOf, startOf, textOf } from './values.ts';

export const easyWeekSettings = z.object({
  EASYWEEK_URL: url(['https', 'http']).default('https://my.easyweek.io/api/public/v2').describe('Base URL of the public API of EasyWeek.'),
  EASYWEEK_API_KEY: secret().describe('Key of the public API, from the settings of the workspace.'),
  EASYWEEK_WORKSPACE: text({ max: 100, like: /^[\w-]+$/, expected: 'the short name of a workspace' }).describe(
    'Short name of the workspace, as in the address of its pages.',
  ),
  EASYWEEK_LOCATION_ID: text({ max: 36, like: /^[0-9a-f-]{36}$/i, expected: 'a UUID' }).describe('UUID of the location.'),
  EASYWEEK_TIME_ZONE: TimeZone.optional().describe('IANA name of the zone of the location. Default: the one in its settings.'),
  EASYWEEK_CURRENCY: text({ max: 3, like: /^[A-Z]{3}$/, expected: 'a currency, e.g. EUR' })
    .optional()
    .describe('Currency of the prices of services. Without it, services and slots have no price.'),
  EASYWEEK_SLOT_STEP: durationMs({ min: 300_000, max: 14_400_000 })
    .default(1_800_000)
    .describe('Time between the starts of two slots within one free interval.'),
  EASYWEEK_SETTLE_MS: durationMs({ max: 3_600_000 }).default(75_000).describe('How long after a lost reply a booking may still appear.'),
});

/** An interval may begin at the present moment; slots begin at whole five minutes. */
const gridMs = 300_000;
const mostPages = 5;
const mostBookingPages = 10;
const mostSlots = 1001;
/** Days of one request for free times: less than three months. */
const mostDays = 80;

export function easyWeekBooking(options: z.output<typeof easyWeekSettings>, deps: Pick<Deps, 'http' | 'cache' | 'now'>): Booking {
  const { EASYWEEK_LOCATION_ID: locationId, EASYWEEK_WORKSPACE: workspace, EASYWEEK_CURRENCY: currency } = options;
  const client = easyWeekClient({ url: options.EASYWEEK_URL, apiKey: options.EASYWEEK_API_KEY, workspace }, deps);
  const clientIdOf = (phoneNumber: string) => clientIdOfPhone(`easyweek ${workspace}`, phoneNumber);

  let known: Zone | undefined;
  async function zoneAt(signal: AbortSignal): Promise<Zone> {
    if (known !== undefined) return known;
    const name = options.EASYWEEK_TIME_ZONE ?? (await zoneName(signal));
    known = zoneOf(name);
    return known;
  }
  async function zoneName(signal: AbortSignal): Promise<string> {
    const { rows } = await client.rows({ path: 'locations', signal, what: 'Listing locations' }, mostPages);
    const location = rows.find(({ uuid }) => uuid === locationId);
    if (location === undefined)
      throw new PolybError('failed_precondition', 'The workspace has no location EASYWEEK_LOCATION_ID.', {
        reason: 'crm_rejected',
        data: { field: 'location_uuid' },
      });
    const { data: zone } = TimeZone.safeParse(fieldsOf(location.timezone).name ?? location.timezone);
    if (zone === undefined)
      throw new PolybError('failed_precondition', 'EasyWeek does not name the time zone of the location; set EASYWEEK_TIME_ZONE.', {
        reason: 'crm_rejected',
      });
    return zone;
  }
  const listServices: Booking['listServices'] = async ({ employeeId }, signal) => {
    // The list of a location does not say who provides what.
    if (employeeId !== undefined && !isUuid(employeeId)) return [];
    const { rows } = await client.rows({ path: `locations/${locationId}/services`, signal, what: 'Listing services' }, mostPages);
    return rows.flatMap((row) => serviceFrom(row, currency) ?? []).slice(0, 500);
  };
  const listEmployees: Booking['listEmployees'] = async (_, signal) => {
    const { rows } = await client.rows({ path: `locations/${locationId}/staffers`, signal, what: 'Listing employees' }, mostPages);
    return rows
      .flatMap((row) => {
        const { data: name } = PersonName.safeParse(nameOf(row));
        return name === undefined
          ? []
          : { employeeId: String(row.uuid), name, position: Line.safeParse(textOf(row.position)).data ?? null, serviceIds: null };
      })
      .slice(0, 500);
  };
  async function intervals(
    query: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<readonly (readonly [number, number])[]> {
    const zone = await zoneAt(signal);
    const reply = await client.call({ path: `locations/${locationId}/time-slots/`, query, signal, what: 'Listing free times' });
    const dates = Array.isArray(reply?.dates) ? reply.dates.map(fieldsOf) : [];
    return dates.flatMap(({ date, intervals: free }) =>
      (Array.isArray(free) ? free.map(fieldsOf) : []).flatMap((interval) => {
        const [start, end] = [interval.start_formatted ?? interval.start, interval.end_formatted ?? interval.end].map((bound) =>
          boundOf(bound, String(date), zone),
        );
        return start === null || start === undefined || end === null || end === undefined ? [] : [[start, end] as const];
      }),
    );
  }
  async function findClients(phoneNumber: string, signal: AbortSignal): Promise<readonly Fields[]> {
    const { rows } = await client.rows(
      { path: 'customers', query: { phone: phoneNumber }, signal, what: 'Searching customers' },
      mostPages,
    );
    return rows.filter((row) => clientFrom(row).phones.includes(phoneNumber)).slice(0, 50);
  }
  async function read(appointmentId: string, signal: AbortSignal): Promise<Fields | null> {
    if (!isUuid(appointmentId)) return null;
    return client.find({ path: `bookings/${appointmentId}`, signal, what: 'Reading a booking' });
  }
  /** Every booking of a customer, or of the workspace. */
  const bookings = (customerId: string | undefined, signal: AbortSignal) =>
    client.rows({ path: 'bookings', query: { customer_uuid: customerId }, signal, what: 'Listing bookings' }, mostBookingPages);

  return {
    capabilities: () => ({
      system: 'easyweek',
      methods: { ...everything, create_client: 'emulated', get_free_slots: 'emulated', reschedule_appointment: 'emulated' },
    }),
    timeZone: async (signal) => (await zoneAt(signal)).name,
    listServices,
    listEmployees,
    async getFreeSlots({ serviceIds, employeeId, from, days }, signal) {
      const [serviceId = '', ...others] = serviceIds;
      if (others.length > 0) throw severalServices();
      const service = (await listServices({}, signal)).find((each) => each.serviceId === serviceId);
      if (service === undefined)
        throw new PolybError('not_found', `EasyWeek offers no service ${serviceId} at this location.`, { reason: 'unknown_service' });
      const { durationMinutes } = service;
      if (durationMinutes === null)
        throw new PolybError('failed_precondition', `The service ${serviceId} has no duration in EasyWeek.`, {
          reason: 'crm_rejected',
          data: { field: 'duration' },
        });
      if (employeeId !== undefined && !isUuid(employeeId)) return [];
      const employeeName =
        employeeId === undefined ? null : ((await listEmployees({}, signal)).find((each) => each.employeeId === employeeId)?.name ?? null);
      const zone = await zoneAt(signal);
      const range = { range_start: from, range_end: addDays(from, Math.min(days, mostDays) - 1) };
      const price = service.price?.from ?? null;
      const slots = new Map<number, FreeSlot>();
      for (const [start, end] of await intervals({ service_uuid: serviceId, staffer_uuid: employeeId, ...range }, signal))
        for (
          let at = Math.ceil(start / gridMs) * gridMs;
          at + durationMinutes * 60_000 <= end && slots.size < mostSlots;
          at += options.EASYWEEK_SLOT_STEP
        )
          if (at > deps.now())
            slots.set(at, {
              start: zone.iso(at),
              durationMinutes,
              employeeId: employeeId ?? null,
              employeeName,
              serviceIds: [serviceId],
              price,
              value: null,
            });
      return [...slots].sort(([a], [b]) => a - b).map(([, slot]) => slot);
    },
    findClients: async (phoneNumber, signal) => (await findClients(phoneNumber, signal)).map(clientFrom),
    async getAppointment(appointmentId, signal) {
      const booking = await read(appointmentId, signal);
      return booking === null ? null : appointmentFrom(booking, await zoneAt(signal));
    },
    async listAppointments({ from, days, clientId }, signal) {
      // A client of a phone without bookings.
      if (clientId !== undefined && !isUuid(clientId)) return [];
      const zone = await zoneAt(signal);
      const { rows, isComplete } = await bookings(clientId, signal);
      if (!isComplete)
        throw new PolybError('failed_precondition', 'EasyWeek has more bookings than can be listed; ask for those of one client.', {
          reason: 'crm_rejected',
        });
      const [first, end] = [zone.at(from, 0), zone.at(addDays(from, days), 0)];
      const appointments: Appointment[] = rows.flatMap((row) => {
        const start = startOf(row);
        const appointment = start === null || start < first || start >= end ? null : appointmentFrom(row, zone);
        // A filter may be ignored.
        return appointment === null || (clientId !== undefined && appointment.clientId !== clientId) ? [] : appointment;
      });
      return appointments.sort((a, b) => Date.parse(a.start) - Date.parse(b.start)).slice(0, 501);
    },
    createClient: {
      // Nothing is sent: the first booking creates the customer.
      attempt: async ({ phoneNumber }) => ({ clientId: clientIdOf(phoneNumber), created: true }),
      onUnknown: lookUp(0, async () => null),
    },
    ...bookingEffects({ client, locationId, settleMs: options.EASYWEEK_SETTLE_MS, zone: zoneAt, clientIdOf, findClients, read, bookings }),
  };
}

function serviceFrom(row: Fields, currency: string | undefined): BookingService | null {
  const name = textOf(row.name);
  if (name === null) return null;
  const price = moneyOf(row.price, currency);
  const category = Line.safeParse(textOf(fieldsOf(row.category).name)).data ?? null;
  return {
    serviceId: String(row.uuid),
    name: name.slice(0, 200),
    category,
    durationMinutes: minutesOf(row.duration),
    price: price === null ? null : { from: price, to: price },
  };
}

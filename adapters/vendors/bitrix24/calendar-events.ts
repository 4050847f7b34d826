/** Users of a portal and the events in their calendars. Dates are in the format of the portal, so only timestamps are read. */
import { PersonName } from '../../../contracts/common.ts';
import type { Appointment } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { addDays, type Zone } from '../../booking/zone.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import { appointmentFrom, servicesIn } from './appointments.ts';
import { type BitrixClient, type BitrixRecord, badReply, idOf, recordsOf } from './client.ts';
import { bitrixContacts, isItemId } from './contacts.ts';
import { isObject } from './envelope.ts';

export interface Busy extends Interval {
  readonly eventId: string;
}
export interface CalendarEvents {
  users(signal: AbortSignal): Promise<readonly BitrixRecord[]>;
  /** By user. */
  busy(userIds: readonly string[], span: Interval, signal: AbortSignal): Promise<ReadonlyMap<string, readonly Busy[]>>;
  /** Events that are appointments: bound to a contact, or made by this system. */
  list(userIds: readonly string[], span: Interval, signal: AbortSignal): Promise<readonly BitrixRecord[]>;
  get(id: string, signal: AbortSignal): Promise<BitrixRecord | null>;
  appointments(events: readonly BitrixRecord[], signal: AbortSignal): Promise<readonly Appointment[]>;
  appointmentOf(event: BitrixRecord, contact: BitrixRecord | null, user: BitrixRecord | undefined): Appointment;
}

export function calendarEvents(
  bitrix: BitrixClient,
  { zone, country, userIds }: { readonly zone: Zone; readonly country: PhoneCountry; readonly userIds: readonly number[] | undefined },
): CalendarEvents {
  const contacts = bitrixContacts(bitrix, country);
  const daysOf = ({ from, to }: Interval) => ({ from: addDays(zone.dayOf(from), -1), to: addDays(zone.dayOf(to), 1) });

  async function users(signal: AbortSignal): Promise<readonly BitrixRecord[]> {
    const filter = { ACTIVE: true, ...(userIds !== undefined && { ID: userIds }) };
    const found = await bitrix.list('user.get', { filter, sort: 'ID', order: 'ASC' }, { pages: 10, signal });
    return found.filter((user) => userIds === undefined || userIds.includes(Number(user.ID)));
  }
  function appointmentOf(event: BitrixRecord, contact: BitrixRecord | null, user: BitrixRecord | undefined): Appointment {
    const { from, to } = timesOf(event, zone);
    const booking = {
      id: event.ID,
      description: event.DESCRIPTION,
      resourceIds: [event.OWNER_ID],
      datePeriod: { from: { timestamp: from / 1000 }, to: { timestamp: to / 1000 } },
    };
    const resource = user === undefined ? null : { name: userName(user) };
    return appointmentFrom({ booking, contactId: contactIdOf(event), contact, resource, zone, country });
  }

  return {
    users,
    appointmentOf,
    async busy(ids, span, signal) {
      if (ids.length === 0) return new Map();
      const found = await bitrix.call('calendar.accessibility.get', { users: ids.map(Number), ...daysOf(span) }, { signal });
      // Without any event the result may be an empty list.
      return new Map(
        Object.entries(isObject(found) ? found : {}).map(([id, events]) => [
          id,
          recordsOf(events, undefined, 'calendar.accessibility.get of Bitrix24')
            .filter(({ ACCESSIBILITY }) => ACCESSIBILITY !== 'free')
            .map((event) => ({ eventId: idOf(event), ...timesOf(event, zone) })),
        ]),
      );
    },
    async list(ids, span, signal) {
      const found: BitrixRecord[] = [];
      for (let start = 0; start < ids.length; start += 50) {
        const some = ids.slice(start, start + 50);
        const query = (ownerId: string) => ({ method: 'calendar.event.get', params: { type: 'user', ownerId, ...daysOf(span) } });
        const result = await bitrix.batch(Object.fromEntries(some.map((id) => [`u${id}`, query(id)])), { signal });
        for (const id of some)
          found.push(...recordsOf(result(`u${id}`), undefined, 'calendar.event.get of Bitrix24').filter(isAppointment));
      }
      // An event with several participants is in the calendar of each.
      return [...new Map(found.map((event) => [idOf(event), event])).values()];
    },
    async get(id, signal) {
      if (!isItemId(id)) return null;
      const event = await bitrix.call('calendar.event.getbyid', { id: Number(id) }, { signal });
      return isObject(event) && String(event.ID) === id && isAppointment(event) ? event : null;
    },
    async appointments(events, signal) {
      if (events.length === 0) return [];
      const ids = [...new Set(events.flatMap((event) => contactIdOf(event) ?? []))];
      const people = new Map<string, BitrixRecord>();
      for (let start = 0; start < ids.length; start += 50)
        for (const contact of await contacts.all(ids.slice(start, start + 50), signal)) people.set(idOf(contact), contact);
      const employees = new Map((await users(signal)).map((user) => [idOf(user), user]));
      return events.map((event) =>
        appointmentOf(event, people.get(contactIdOf(event) ?? '') ?? null, employees.get(String(event.OWNER_ID))),
      );
    },
  };
}

export function userName({ NAME, LAST_NAME }: BitrixRecord): string | null {
  return PersonName.safeParse([NAME, LAST_NAME].filter(Boolean).join(' ').slice(0, 100)).data ?? null;
}
/** The contact to which an event is bound: `C_7` among its CRM records. */
function contactIdOf({ UF_CRM_CAL_EVENT: bound }: BitrixRecord): string | null {
  const names: readonly unknown[] = Array.isArray(bound) ? bound : [];
  return names.map((name) => /^C_(\d+)$/.exec(String(name))?.[1]).find((id) => id !== undefined) ?? null;
}
function isAppointment(event: BitrixRecord): boolean {
  return event.DELETED !== 'Y' && (contactIdOf(event) !== null || servicesIn(event.DESCRIPTION).length > 0);
}
/** An event of whole days has the timestamps of their midnights in UTC, and lasts to the end of the last one. */
export function timesOf({ DATE_FROM_TS_UTC, DATE_TO_TS_UTC, DT_SKIP_TIME }: BitrixRecord, zone: Zone): Interval {
  const [from, to] = [Number(DATE_FROM_TS_UTC) * 1000, Number(DATE_TO_TS_UTC) * 1000];
  if (!(from > 0 && to >= from)) throw badReply('Bitrix24', 'an event with its times');
  if (DT_SKIP_TIME !== 'Y') return { from, to };
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return { from: zone.at(dayOf(from), 0), to: zone.at(addDays(dayOf(to), 1), 0) };
}

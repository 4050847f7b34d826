/**
 * The calendars of users as a booking system, for portals without the booking module: an appointment is an event that is bound to a
 * contact. Hours are those of the portal. The calendar accepts overlaps, so the time is checked before an event is added.
 */
import { Line } from '../../../contracts/common.ts';
import { lookUp, type UnknownAttempt } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Appointment, type Booking, everything, type OfferedSlot, type SlotBooking, type SlotMove } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { addDays, type Zone } from '../../booking/zone.ts';
import type { Deps } from '../../deps.ts';
import { describe, servicesIn, withServices } from './appointments.ts';
import { calendarEvents, timesOf, userName } from './calendar-events.ts';
import { type BitrixClient, fieldOf, idOf, recordsOf } from './client.ts';
import { entity, isItemId, noRecord } from './contacts.ts';
import { noAppointment, slotBusy } from './diary.ts';
import { isObject } from './envelope.ts';
import { hasRef } from './notes.ts';
import { releaseEffect } from './release.ts';
import type { Services } from './services.ts';
import type { BitrixBookingSettings } from './settings.ts';
import { freeSlotsOf, hoursOfPortal } from './slots.ts';

export function calendarBooking({
  options,
  bitrix,
  services,
  zone,
  deps: { cache, connection, now },
}: {
  readonly options: BitrixBookingSettings;
  readonly bitrix: BitrixClient;
  readonly services: Services;
  readonly zone: Zone;
  readonly deps: Pick<Deps, 'cache' | 'connection' | 'now'>;
}): Omit<Booking, 'findClients' | 'createClient' | 'listServices'> {
  const { BITRIX24_SETTLE_MS: settleMs, BITRIX24_SLOT_MINUTES: slotMinutes } = options;
  const events = calendarEvents(bitrix, { zone, country: options.BITRIX24_PHONE_COUNTRY, userIds: options.BITRIX24_CALENDAR_USER_IDS });
  const spanOf = ({ from, days }: { readonly from: string; readonly days: number }): Interval => ({
    from: zone.at(from, 0),
    to: zone.at(addDays(from, days), 0),
  });
  async function getAppointment(id: string, signal: AbortSignal): Promise<Appointment | null> {
    const event = await events.get(id, signal);
    return event === null ? null : ((await events.appointments([event], signal))[0] ?? null);
  }
  /** @param except an event that is being moved */
  async function claim({ user, from, to }: Place, signal: AbortSignal, except?: string): Promise<void> {
    const taken = (await events.busy([user], { from, to }, signal)).get(user) ?? [];
    if (taken.some((other) => other.eventId !== except && other.from < to && other.to > from)) throw slotBusy();
    // Of two processes that find the same start free, one goes on and the other looks again.
    const { isAllowed, retryAfterMs } = await cache.take(`bitrix24:${connection}:calendar:${user}:${from}`, { limit: 1, windowMs: 15_000 });
    if (isAllowed) return;
    throw new PolybError('resource_exhausted', 'Another appointment is being made at this time; try again.', {
      reason: 'rate_limited',
      retryAfterMs,
      outcome: 'not_executed',
    });
  }
  const times = ({ user, from, to }: Place) => ({ type: 'user', ownerId: Number(user), from: zone.iso(from), to: zone.iso(to) });

  async function book({ slot, clientId, comment }: SlotBooking, { ref, signal }: { readonly ref: string; readonly signal: AbortSignal }) {
    const place = placeOf(slot);
    if (!isItemId(clientId)) throw noRecord('contact', clientId);
    const result = await bitrix.batch(
      {
        contact: { method: 'crm.item.get', params: { entityTypeId: entity.contact, id: clientId } },
        services: { method: 'catalog.product.service.list', params: services.query(slot.serviceIds) },
        users: { method: 'user.get', params: { filter: { ID: place.user } } },
      },
      { signal },
    );
    const contact = fieldOf(result('contact', { NOT_FOUND: () => noRecord('contact', clientId) }), 'item', 'crm.item.get of Bitrix24');
    const [service] = recordsOf(result('services'), 'services', 'catalog.product.service.list of Bitrix24');
    const user = recordsOf(result('users'), undefined, 'user.get of Bitrix24').find((each) => idOf(each) === place.user);
    if (user === undefined) throw noRecord('user', place.user);
    await claim(place, signal);
    const description = describe(comment, slot.serviceIds, ref);
    const bound = [`C_${clientId}`];
    const event = { ...times(place), name: String(service?.name ?? 'PolyB'), description, accessibility: 'busy', crm_fields: bound };
    const ID = idOf({ id: await bitrix.call('calendar.event.add', event, { signal }) });
    const moments = { DATE_FROM_TS_UTC: place.from / 1000, DATE_TO_TS_UTC: place.to / 1000 };
    return events.appointmentOf({ ID, OWNER_ID: place.user, DESCRIPTION: description, UF_CRM_CAL_EVENT: bound, ...moments }, contact, user);
  }
  async function move({ slot, appointmentId }: SlotMove, { signal }: { readonly signal: AbortSignal }): Promise<Appointment> {
    const place = placeOf(slot);
    const event = await events.get(appointmentId, signal);
    if (event === null) throw noAppointment(appointmentId);
    if (String(event.OWNER_ID) !== place.user)
      throw new PolybError(
        'failed_precondition',
        'An event stays with the owner of its calendar; cancel the appointment and book another.',
        {
          reason: 'crm_rejected',
          outcome: 'not_executed',
        },
      );
    const [before] = await events.appointments([event], signal);
    await claim(place, signal, appointmentId);
    const isOther = servicesIn(event.DESCRIPTION).join() !== slot.serviceIds.join();
    const change = {
      id: Number(appointmentId),
      ...times(place),
      ...(isOther && { description: withServices(event.DESCRIPTION, slot.serviceIds) }),
    };
    await bitrix.call('calendar.event.update', change, { signal });
    const { durationMinutes, serviceIds } = slot;
    return { ...(before as Appointment), start: zone.iso(place.from), durationMinutes, serviceIds: [...serviceIds] }; // One event gives one.
  }

  return {
    capabilities: () => ({ system: 'bitrix24', methods: { ...everything, get_free_slots: 'emulated' } }),
    timeZone: async () => zone.name,
    async listEmployees(_, signal) {
      return (await events.users(signal)).map((user) => ({
        employeeId: idOf(user),
        name: userName(user) ?? idOf(user),
        position: Line.safeParse(user.WORK_POSITION).data ?? null,
        serviceIds: null,
      }));
    },
    async getFreeSlots({ from, days, serviceIds, employeeId }, signal) {
      await services.check(serviceIds, signal);
      const employees = (await events.users(signal)).filter((user) => employeeId === undefined || idOf(user) === employeeId);
      const settings = await bitrix.call('calendar.settings.get', {}, { signal });
      const hours = [hoursOfPortal(isObject(settings) ? settings : {}, zone, slotMinutes)];
      const span = spanOf({ from, days });
      const busy = await events.busy(employees.map(idOf), span, signal);
      const wanted = { serviceIds, span, notBefore: now(), zone };
      return employees
        .map((user) => ({ id: idOf(user), name: userName(user) }))
        .flatMap(({ id, name }) => freeSlotsOf({ id, name, hours, busy: busy.get(id) ?? [] }, wanted))
        .toSorted((a, b) => Date.parse(a.start) - Date.parse(b.start));
    },
    getAppointment,
    async listAppointments({ from, days, clientId }, signal) {
      const span = spanOf({ from, days });
      const ids = (await events.users(signal)).map(idOf);
      const found = (await events.list(ids, span, signal))
        .map((event) => ({ event, begin: timesOf(event, zone).from }))
        .filter(({ begin }) => begin >= span.from && begin < span.to)
        .toSorted((a, b) => a.begin - b.begin)
        .map(({ event }) => event);
      const all = await events.appointments(found, signal);
      return all.filter((each) => clientId === undefined || each.clientId === clientId).slice(0, 501);
    },
    bookSlot: {
      attempt: book,
      onUnknown: lookUp(settleMs, async ({ ref, input: { slot } }: UnknownAttempt<SlotBooking>, signal) => {
        const { user, from, to } = placeOf(slot);
        const found = (await events.list([user], { from, to }, signal)).find(({ DESCRIPTION }) => hasRef(DESCRIPTION, ref));
        return found === undefined ? null : ((await events.appointments([found], signal))[0] ?? null);
      }),
    },
    moveToSlot: {
      attempt: move,
      onUnknown: lookUp(settleMs, async ({ input: { slot, appointmentId } }: UnknownAttempt<SlotMove>, signal) => {
        const appointment = await getAppointment(appointmentId, signal);
        return appointment !== null && Date.parse(appointment.start) === Date.parse(slot.start) ? appointment : null;
      }),
    },
    releaseSlot: releaseEffect({
      read: getAppointment,
      remove: (id, signal) => bitrix.call('calendar.event.delete', { id: Number(id) }, { signal }),
      cache,
      connection,
      settleMs,
    }),
  };
}

interface Place extends Interval {
  readonly user: string;
}
function placeOf({ employeeId, start, durationMinutes }: OfferedSlot): Place {
  if (employeeId === null || !isItemId(employeeId)) throw noRecord('user', String(employeeId));
  const from = Date.parse(start);
  return { user: employeeId, from, to: from + durationMinutes * 60_000 };
}

/** What a portal knows of its resources, their hours and their bookings. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Appointment } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import type { Zone } from '../../booking/zone.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import { completed } from './appointments.ts';
import { type BitrixClient, type BitrixRecord, fieldOf, recordsOf, resultOf } from './client.ts';
import { isItemId, noRecord } from './contacts.ts';
import { type Hours, hoursFrom, knownZone } from './slots.ts';

export interface Diary {
  /** The zone of the setting, else that of the first resource's hours. */
  zone(signal: AbortSignal): Promise<Zone>;
  resources(signal: AbortSignal): Promise<readonly BitrixRecord[]>;
  /** By resource. */
  hours(resourceIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly Hours[]>>;
  /** Bookings that touch the span, and some that began up to a day before. @param filter more conditions */
  bookings(span: Interval, filter: object, signal: AbortSignal): Promise<readonly BitrixRecord[]>;
  booking(id: string, signal: AbortSignal): Promise<BitrixRecord | null>;
  appointments(bookings: readonly BitrixRecord[], signal: AbortSignal): Promise<readonly Appointment[]>;
  appointment(id: string, signal: AbortSignal): Promise<Appointment | null>;
}

export const dayMs = 86_400_000;
/** 2,000 bookings. */
const mostPages = 40;
const order = { id: 'asc' } as const;

export function bitrixDiary(
  bitrix: BitrixClient,
  { timeZone, country }: { readonly timeZone: string | undefined; readonly country: PhoneCountry },
): Diary {
  let known = timeZone === undefined ? null : knownZone(timeZone);

  async function zone(signal: AbortSignal): Promise<Zone> {
    if (known !== null) return known;
    const first = resultOf('resources', 'resource', '0', 'id');
    const commands = {
      resources: { method: 'booking.v1.resource.list', params: { order } },
      slots: { method: 'booking.v1.resource.slots.list', params: { resourceId: first } },
    };
    const result = await bitrix.batch(commands, { signal });
    result('resources');
    known = hoursIn(result('slots', { 100: noHours, 1009: noHours }))[0]?.zone ?? null;
    if (known === null) throw noHours();
    return known;
  }
  async function booking(id: string, signal: AbortSignal): Promise<BitrixRecord | null> {
    if (!isItemId(id)) return null;
    const absent = noAppointment(id);
    const refusals = { 1019: () => absent, 1021: () => absent };
    try {
      return fieldOf(
        await bitrix.call('booking.v1.booking.get', { id: Number(id) }, { signal, refusals }),
        'booking',
        'booking.v1.booking.get of Bitrix24',
      );
    } catch (thrown) {
      if (thrown === absent) return null;
      throw thrown;
    }
  }
  const appointments = async (bookings: readonly BitrixRecord[], signal: AbortSignal) =>
    completed(bitrix, bookings, { zone: await zone(signal), country, signal });

  return {
    zone,
    booking,
    appointments,
    async appointment(id, signal) {
      const found = await booking(id, signal);
      return found === null ? null : ((await appointments([found], signal))[0] ?? null);
    },
    resources: (signal) => bitrix.list('booking.v1.resource.list', { order }, { key: 'resource', pages: 10, signal }),
    async hours(resourceIds, signal) {
      const found = new Map<string, readonly Hours[]>();
      for (let start = 0; start < resourceIds.length; start += 50) {
        const some = resourceIds.slice(start, start + 50);
        const commands = some.map((id) => [`r${id}`, { method: 'booking.v1.resource.slots.list', params: { resourceId: id } }] as const);
        const result = await bitrix.batch(Object.fromEntries(commands), { signal });
        for (const id of some) found.set(id, hoursIn(result(`r${id}`, { 1009: () => noRecord('resource', id) })));
      }
      return found;
    },
    bookings({ from, to }, filter, signal) {
      const within = { dateFrom: Math.floor((from - dayMs) / 1000), dateTo: Math.ceil(to / 1000) };
      return bitrix.list('booking.v1.booking.list', { filter: { within, ...filter }, order }, { key: 'booking', pages: mostPages, signal });
    },
  };
}
const hoursIn = (slots: unknown): readonly Hours[] =>
  recordsOf(slots, 'slots', 'booking.v1.resource.slots.list of Bitrix24').flatMap((record) => hoursFrom(record) ?? []);
function noHours(): PolybError {
  return new PolybError('failed_precondition', 'Bitrix24 has no resource with hours; add one, or set BITRIX24_TIME_ZONE.', {
    reason: 'crm_rejected',
  });
}
export function noAppointment(id: string): PolybError {
  return new PolybError('not_found', `Bitrix24 has no booking ${id}.`, { reason: 'no_appointment', outcome: 'not_executed' });
}
export function slotBusy(): PolybError {
  return new PolybError('conflict', 'Bitrix24 has something else at this time; choose another slot.', {
    reason: 'slot_busy',
    outcome: 'not_executed',
  });
}

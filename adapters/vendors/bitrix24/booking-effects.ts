/**
 * Writes of bookings. What a reply needs is read before or with the write: a request that fails after it would pass for a write that was
 * refused.
 */
import { lookUp, type UnknownAttempt } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Appointment, Booking, OfferedSlot, SlotBooking, SlotMove } from '../../booking/port.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import type { Cache } from '../../deps.ts';
import { appointmentFrom, describe, nameOf, servicesIn, withServices } from './appointments.ts';
import { type BitrixClient, fieldOf, idOf, resultOf } from './client.ts';
import { entity, isItemId, noRecord } from './contacts.ts';
import { type Diary, dayMs, noAppointment, slotBusy } from './diary.ts';
import { isObject } from './envelope.ts';
import { hasRef } from './notes.ts';
import { releaseEffect } from './release.ts';
import type { Services } from './services.ts';

export function bookingEffects({
  bitrix,
  diary,
  settleMs,
  country,
  connection,
  cache,
  services,
}: {
  readonly bitrix: BitrixClient;
  readonly diary: Diary;
  readonly settleMs: number;
  readonly country: PhoneCountry;
  readonly connection: string;
  readonly cache: Pick<Cache, 'get' | 'set'>;
  readonly services: Services;
}): Pick<Booking, 'bookSlot' | 'moveToSlot' | 'releaseSlot'> {
  const clients = (clientId: string) => [{ id: Number(clientId), type: { module: 'crm', code: 'CONTACT' } }];
  /** The place of a slot, and its employee. A change of the time needs the resources too, and the other way round. */
  async function place({ employeeId, start, durationMinutes }: OfferedSlot, signal: AbortSignal) {
    if (employeeId === null || !isItemId(employeeId)) throw noRecord('resource', String(employeeId));
    const from = Date.parse(start) / 1000;
    const timezone = (await diary.zone(signal)).name;
    const datePeriod = { from: { timestamp: from, timezone }, to: { timestamp: from + durationMinutes * 60, timezone } };
    return { resourceIds: [Number(employeeId)], datePeriod };
  }
  const readResource = (resourceIds: readonly number[]) => ({ method: 'booking.v1.resource.get', params: { id: resourceIds[0] } });
  const resourceIn = (result: unknown) => fieldOf(result, 'resource', 'booking.v1.resource.get of Bitrix24');

  /** One request. A client, a service or a resource that is not there ends it before anything is booked. */
  async function book({ slot, clientId, comment }: SlotBooking, { ref, signal }: { readonly ref: string; readonly signal: AbortSignal }) {
    if (!isItemId(clientId)) throw noRecord('contact', clientId);
    const where = await place(slot, signal);
    const description = describe(comment, slot.serviceIds, ref);
    const fields = { ...where, description, name: resultOf('services', 'services', '0', 'name') };
    const result = await bitrix.batch(
      {
        contact: { method: 'crm.item.get', params: { entityTypeId: entity.contact, id: clientId } },
        resource: readResource(where.resourceIds),
        services: { method: 'catalog.product.service.list', params: services.query(slot.serviceIds) },
        add: { method: 'booking.v1.booking.add', params: { fields } },
        client: { method: 'booking.v1.booking.client.set', params: { bookingId: resultOf('add', 'id'), clients: clients(clientId) } },
      },
      { signal, halt: true },
    );
    const contact = fieldOf(result('contact', { NOT_FOUND: () => noRecord('contact', clientId) }), 'item', 'crm.item.get of Bitrix24');
    const resource = resourceIn(result('resource', { 1009: () => noRecord('resource', String(slot.employeeId)) }));
    result('services');
    const added = result('add', busy);
    // The documents show an object, and call it an integer.
    const id = idOf(isObject(added) ? added : { id: added });
    try {
      result('client');
    } catch {
      await setClient(id, clientId, signal);
    }
    const booking = { ...where, description, id };
    return appointmentFrom({ booking, contactId: clientId, contact, resource, zone: await diary.zone(signal), country });
  }
  /** A booking without its client is neither done nor refused; the look-up sets the client. */
  async function setClient(bookingId: string, clientId: string, signal: AbortSignal): Promise<void> {
    try {
      await bitrix.call('booking.v1.booking.client.set', { bookingId: Number(bookingId), clients: clients(clientId) }, { signal });
    } catch (cause) {
      throw new PolybError('upstream_failed', `Bitrix24 has booking ${bookingId}, and did not take its client.`, {
        reason: 'bad_reply',
        cause,
      });
    }
  }

  return {
    bookSlot: {
      attempt: book,
      onUnknown: lookUp(settleMs, async ({ ref, input: { slot, clientId } }: UnknownAttempt<SlotBooking>, signal) => {
        const start = Date.parse(slot.start);
        const near = await diary.bookings({ from: start, to: start + dayMs }, {}, signal);
        const found = near.find(({ description }) => hasRef(description, ref));
        if (found === undefined) return null;
        const [appointment = null] = await diary.appointments([found], signal);
        if (appointment?.clientId !== null) return appointment;
        await setClient(idOf(found), clientId, signal);
        return diary.appointment(idOf(found), signal);
      }),
    },
    moveToSlot: {
      async attempt({ slot, appointmentId }, { signal }) {
        const booking = await diary.booking(appointmentId, signal);
        if (booking === null) throw noAppointment(appointmentId);
        const [before] = await diary.appointments([booking], signal);
        const where = await place(slot, signal);
        const isOther = servicesIn(booking.description).join() !== slot.serviceIds.join();
        const description = withServices(booking.description, slot.serviceIds);
        const update = { id: appointmentId, fields: { ...where, ...(isOther && { description }) } };
        const result = await bitrix.batch(
          { resource: readResource(where.resourceIds), update: { method: 'booking.v1.booking.update', params: update } },
          { signal, halt: true },
        );
        const resource = resourceIn(result('resource', { 1009: () => noRecord('resource', String(slot.employeeId)) }));
        const absent = () => noAppointment(appointmentId);
        result('update', { ...busy, 1019: absent, 1021: absent });
        const { start, durationMinutes, serviceIds, employeeId } = slot;
        const zone = await diary.zone(signal);
        return {
          ...(before as Appointment), // One booking gives one appointment.
          start: zone.iso(Date.parse(start)),
          durationMinutes,
          serviceIds: [...serviceIds],
          employeeId,
          employeeName: nameOf(resource),
        };
      },
      onUnknown: lookUp(settleMs, async ({ input: { slot, appointmentId } }: UnknownAttempt<SlotMove>, signal) => {
        const appointment = await diary.appointment(appointmentId, signal);
        const isMoved = appointment?.employeeId === slot.employeeId && Date.parse(appointment?.start ?? '') === Date.parse(slot.start);
        return isMoved ? appointment : null;
      }),
    },
    releaseSlot: releaseEffect({
      read: diary.appointment,
      remove(id, signal) {
        const absent = () => noAppointment(id);
        return bitrix.call('booking.v1.booking.delete', { id: Number(id) }, { signal, refusals: { 1019: absent, 1021: absent } });
      },
      cache,
      connection,
      settleMs,
    }),
  };
}

const busy = { 1018: slotBusy };

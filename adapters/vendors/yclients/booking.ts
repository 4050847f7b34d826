/**
 * Appointments of a location. As a user: its journal, where a record carries our reference in `api_id`, by which a lost request is looked
 * up. Without a user: online booking alone, see guest.ts.
 */
import type { z } from 'zod';
import type { booking } from '../../../contracts/booking.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import {
  type Appointment,
  type AppointmentEffect,
  type Booking,
  everything,
  type OfferedSlot,
  type SlotBooking,
  type SlotMove,
  type SlotRelease,
} from '../../booking/port.ts';
import { addDays } from '../../booking/zone.ts';
import type { Deps } from '../../deps.ts';
import { beforeWriting } from '../../not-executed.ts';
import { type Call, salonClient } from './client.ts';
import { guestBooking } from './guest.ts';
import { datetimeOf, onlineOf, type Visitor } from './online.ts';
import { type People, type Person, peopleOf } from './people.ts';
import { type Platform, type SalonOptions, yclientsPlatform } from './platform.ts';
import { appointmentFrom, bodyFrom, isDeleted, isOnlyMove, startOf } from './records.ts';
import { noAppointment, type Salon } from './salon.ts';
import { scheduleOf } from './schedule.ts';
import { yclientsOptions, type yclientsSettings } from './settings.ts';
import { digitsOf, type Fields, fieldsOf, idOf, isMasked, listOf } from './values.ts';
import { salonWebhooks } from './webhook.ts';

export type BookingDeps = Pick<Deps, 'http' | 'cache' | 'now'>;
export function yclientsBooking(settings: z.output<typeof yclientsSettings>, deps: BookingDeps): Booking {
  return salonBooking(yclientsPlatform, yclientsOptions(settings), deps);
}

export function salonBooking(platform: Platform, options: SalonOptions, deps: BookingDeps): Booking {
  const client = salonClient(platform, options, deps);
  const salon = {
    platform,
    options,
    client,
    schedule: scheduleOf(client, platform, options, deps.now),
    online: onlineOf(client, options),
    now: deps.now,
  };
  if (!client.hasUser) return guestBooking(salon);
  return { ...staffBooking(salon), webhooks: salonWebhooks(platform, options, { record: 'appointment' }) };
}

/** 11 pages of 50: one more than a list may have. */
const mostPages = 11;
const mostListed = 501;
/** Clocks differ, by an hour when somebody has set one wrong, and the zone of `changed_after` is not documented. */
const clockSlackMs = 24 * 3_600_000;

function staffBooking({ platform, options, client, schedule, online, now }: Salon): Booking {
  const { companyId, settleMs } = options;
  const people: People = peopleOf(client, options);
  const pathOf = (id: string) => `record/${companyId}/${id}`;
  const refused = (text: string, field: string) =>
    new PolybError('failed_precondition', `${platform.title}: ${text}`, { reason: 'crm_rejected', data: { field } });

  const appointmentOf = async (record: Fields, signal: AbortSignal) =>
    appointmentFrom(record, { zone: await schedule.zone(signal), now: now() });
  /** A record that is not deleted. */
  async function read(id: string, signal: AbortSignal): Promise<Fields | null> {
    const reply = idOf(id) === null ? null : await client.find({ path: pathOf(id), signal, what: 'Reading a record' });
    const record = fieldsOf(reply?.data);
    return reply === null || isDeleted(record) ? null : record;
  }
  async function mustRead(id: string, signal: AbortSignal): Promise<{ readonly record: Fields; readonly appointment: Appointment }> {
    const record = await read(id, signal);
    const appointment = record === null ? null : await appointmentOf(record, signal);
    if (record === null || appointment === null || appointment.status === 'cancelled') throw noAppointment(platform.title, id);
    return { record, appointment };
  }
  const records = (query: NonNullable<Call['query']>, signal: AbortSignal) =>
    client.rows(mostPages, (page, size) => ({
      path: `records/${companyId}`,
      query: { ...query, page: String(page), count: String(size), with_deleted: '1' },
      signal,
      what: 'Listing records',
    }));

  /** The client's own name and number, unless they are hidden: a name given by a form replaces no stored one. */
  async function visitorOf({ clientId, client: given }: SlotBooking, signal: AbortSignal): Promise<Visitor> {
    const person: Person | null = await people.read(clientId, signal);
    if (person === null) throw refused(`there is no client ${clientId}.`, 'clientId');
    const phoneNumber = person.phone ?? given?.phoneNumber;
    if (phoneNumber === undefined) throw refused('the phone of the client is hidden from the user; give a name and a phone.', 'phone');
    const name = [person.name, person.surname].filter((part) => part !== null).join(' ');
    return { phoneNumber, name: name === '' ? (given?.name ?? phoneNumber) : name, email: person.email ?? given?.email };
  }
  /** The appointment of a record that was made with these values; a reply to an online booking has its id only. */
  const booked = (appointmentId: string, { slot, clientId, comment }: SlotBooking, visitor: Visitor): Appointment => ({
    appointmentId,
    clientId,
    clientName: visitor.name,
    phoneNumber: visitor.phoneNumber,
    serviceIds: [...slot.serviceIds],
    employeeId: slot.employeeId,
    employeeName: null,
    start: slot.start,
    durationMinutes: slot.durationMinutes,
    status: 'booked',
    comment: comment ?? null,
  });
  const bookSlot: AppointmentEffect<SlotBooking> = {
    async attempt(input, { ref, signal }) {
      const { slot, comment } = input;
      const visitor = await beforeWriting(visitorOf(input, signal));
      await beforeWriting(online.check(slot, signal));
      // Only online booking can leave the choice of the employee to the location.
      if (slot.employeeId === null) return booked((await online.book(slot, visitor, { comment, ref, signal })).recordId, input, visitor);
      const { data } = await client.call({
        method: 'POST',
        path: `records/${companyId}`,
        body: {
          staff_id: Number(slot.employeeId),
          services: slot.serviceIds.map((id) => ({ id: Number(id) })),
          client: { phone: digitsOf(visitor.phoneNumber), name: visitor.name },
          // A busy time would be booked twice without a word.
          save_if_busy: false,
          datetime: slot.start,
          seance_length: slot.durationMinutes * 60,
          send_sms: false,
          comment: comment ?? '',
          attendance: 0,
          api_id: ref,
        },
        signal,
        what: 'Booking a slot',
      });
      const id = idOf(fieldsOf(Array.isArray(data) ? data[0] : data).id);
      if (id === null) throw new PolybError('upstream_failed', 'Booking a slot: expected an id in the reply.', { reason: 'bad_reply' });
      return booked(id, input, visitor);
    },
    onUnknown: lookUp<Appointment, SlotBooking>(settleMs, async ({ ref, input: { slot, clientId } }, signal) => {
      const day = (await schedule.zone(signal)).dayOf(Date.parse(slot.start));
      const ofDay = { start_date: day, end_date: day };
      // The location may have filed the record under another client with the phone.
      for (const query of [{ ...ofDay, client_id: clientId }, ofDay]) {
        const { rows, isComplete } = await records(query, signal);
        const made = rows.find(({ api_id }) => String(api_id) === ref);
        if (made !== undefined) return appointmentOf(made, signal);
        if (!isComplete)
          throw new PolybError('upstream_failed', 'Looking up a booking: the day has too many records to tell.', { reason: 'bad_reply' });
      }
      return null;
    }),
  };

  const replace = async (record: Fields, change: Fields, signal: AbortSignal): Promise<Appointment | null> => {
    if (isMasked(fieldsOf(record.client).phone))
      throw refused('phones are hidden from the user, so a record cannot be replaced; grant the right to see them.', 'phone');
    const body = { ...bodyFrom(record), ...change };
    const { data } = await client.call({ method: 'PUT', path: pathOf(String(record.id)), body, signal, what: 'Changing a record' });
    return appointmentOf(fieldsOf(data), signal);
  };
  const isAt = (appointment: Appointment, slot: OfferedSlot) =>
    Date.parse(appointment.start) === Date.parse(slot.start) && (slot.employeeId === null || slot.employeeId === appointment.employeeId);
  const moveToSlot: AppointmentEffect<SlotMove> = {
    async attempt({ appointmentId, slot }, { signal }) {
      const { record, appointment } = await beforeWriting(mustRead(appointmentId, signal));
      const moved: Appointment = { ...appointment, start: slot.start };
      if (isOnlyMove(record, slot)) {
        const body = { datetime: datetimeOf(slot), comment: record.comment ?? '' };
        await client.call({ method: 'PUT', path: `book_record/${companyId}/${appointmentId}`, body, signal, what: 'Moving a record' });
        return moved;
      }
      const change = {
        staff_id: Number(slot.employeeId ?? appointment.employeeId),
        services: slot.serviceIds.map((id) => listOf(record.services).find((service) => String(service.id) === id) ?? { id: Number(id) }),
        datetime: slot.start,
        seance_length: slot.durationMinutes * 60,
      };
      const replaced = await replace(record, change, signal);
      return (
        replaced ?? {
          ...moved,
          serviceIds: [...slot.serviceIds],
          employeeId: slot.employeeId ?? appointment.employeeId,
          employeeName: null,
          durationMinutes: slot.durationMinutes,
        }
      );
    },
    onUnknown: lookUp<Appointment, SlotMove>(settleMs, async ({ input: { appointmentId, slot } }, signal) => {
      const record = await read(appointmentId, signal);
      const appointment = record === null ? null : await appointmentOf(record, signal);
      return appointment !== null && isAt(appointment, slot) ? appointment : null;
    }),
  };
  const releaseSlot: AppointmentEffect<SlotRelease> = {
    async attempt({ appointmentId, reason }, { signal }) {
      const { record, appointment } = await beforeWriting(mustRead(appointmentId, signal));
      const cancelled: Appointment = { ...appointment, status: 'cancelled' };
      try {
        await client.find({ method: 'DELETE', path: pathOf(appointmentId), signal, what: 'Deleting a record' });
        return cancelled;
      } catch (thrown) {
        if ((thrown as PolybError).reason !== 'upstream_credentials') throw thrown;
      }
      // The location forbids deleting: the visit is marked as missed before its time.
      const comment = [record.comment, reason].filter((part) => typeof part === 'string' && part !== '').join('\n');
      await replace(record, { attendance: -1, comment }, signal);
      return { ...cancelled, comment: comment === '' ? null : comment };
    },
    onUnknown: lookUp<Appointment, SlotRelease>(settleMs, async ({ input: { appointmentId }, attemptedAt }, signal) => {
      const record = await read(appointmentId, signal);
      if (record !== null) {
        const appointment = await appointmentOf(record, signal);
        return appointment?.status === 'cancelled' ? appointment : null;
      }
      const since = (await schedule.zone(signal)).iso(attemptedAt - clockSlackMs).slice(0, 19);
      const { rows } = await records({ changed_after: since }, signal);
      const gone = rows.find(({ id }) => String(id) === appointmentId);
      return gone !== undefined && isDeleted(gone) ? appointmentOf(gone, signal) : null;
    }),
  };

  return {
    ...schedule,
    capabilities: () => ({ system: platform.name, methods: everything }),
    async findClients(phoneNumber, signal) {
      const found = await people.withPhone(phoneNumber, signal);
      return found.map(({ id, name, surname, phone, email, isMasked: isHidden }) => ({
        clientId: id,
        name:
          [name, surname]
            .filter((part) => part !== null)
            .join(' ')
            .slice(0, 200) || null,
        phones: phone === null ? [] : [phone],
        email,
        isMasked: isHidden,
      }));
    },
    async getAppointment(appointmentId, signal) {
      const record = await read(appointmentId, signal);
      return record === null ? null : appointmentOf(record, signal);
    },
    async listAppointments({ from, days, clientId }, signal) {
      const zone = await schedule.zone(signal);
      const [first, end] = [zone.at(from, 0), zone.at(addDays(from, days), 0)];
      const { rows } = await records({ start_date: from, end_date: addDays(from, days - 1), client_id: clientId }, signal);
      const isWanted = (record: Fields) => {
        const start = startOf(record, zone);
        // A location may ignore a filter.
        return start !== null && start >= first && start < end && (clientId === undefined || idOf(fieldsOf(record.client).id) === clientId);
      };
      return rows
        .filter(isWanted)
        .flatMap((record) => appointmentFrom(record, { zone, now: now() }) ?? [])
        .sort((a, b) => Date.parse(a.start) - Date.parse(b.start))
        .slice(0, mostListed);
    },
    createClient: {
      async attempt({ name, phoneNumber, email }, at) {
        const { id, created } = await people.create({ name, phoneNumber, email }, at);
        return { clientId: id, created };
      },
      onUnknown: lookUp<{ clientId: string; created: boolean }, ParsedOf<typeof booking.create_client>>(
        settleMs,
        async ({ ref, input }, signal) => {
          const found = await people.created(input.phoneNumber, ref, signal);
          return found === null ? null : { clientId: found.id, created: found.created };
        },
      ),
    },
    bookSlot,
    moveToSlot,
    releaseSlot,
  };
}

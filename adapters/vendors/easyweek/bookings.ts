/** Bookings, moves and cancellations in EasyWeek. There are no idempotency keys: the same customer, service and time is the same booking. */
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Appointment, Booking, SlotBooking, SlotMove, SlotRelease } from '../../booking/port.ts';
import type { Zone } from '../../booking/zone.ts';
import { beforeWriting } from '../../not-executed.ts';
import type { EasyWeekClient, Fields } from './client.ts';
import { appointmentFrom, carries, clientFrom, isCancelled, isUuid, nameOf, referenceLine, servicesOf, startOf, textOf } from './values.ts';

export interface BookingParts {
  readonly client: EasyWeekClient;
  readonly locationId: string;
  readonly settleMs: number;
  zone(signal: AbortSignal): Promise<Zone>;
  /** Id of a client that no booking has created yet. */
  clientIdOf(phoneNumber: string): string;
  findClients(phoneNumber: string, signal: AbortSignal): Promise<readonly Fields[]>;
  read(appointmentId: string, signal: AbortSignal): Promise<Fields | null>;
  bookings(customerId: string, signal: AbortSignal): Promise<{ readonly rows: readonly Fields[]; readonly isComplete: boolean }>;
}
interface Wanted {
  readonly serviceId: string;
  readonly start: number;
  readonly employeeId: string | null;
  /** The booking that moves; it is not the new one, even at the same time. */
  readonly instead?: string;
}
interface Customer {
  readonly phoneNumber: string;
  readonly firstName: string;
  readonly lastName: string | null;
  readonly email: string | null;
  /** Null if EasyWeek does not know the phone. */
  readonly uuid: string | null;
}

export const severalServices = (): PolybError =>
  new PolybError('unimplemented', 'EasyWeek books one service at a time; book each of them.', {
    reason: 'unsupported',
    outcome: 'not_executed',
  });

export function bookingEffects(parts: BookingParts): Pick<Booking, 'bookSlot' | 'moveToSlot' | 'releaseSlot'> {
  const { client, settleMs } = parts;
  const noAppointment = (id: string) =>
    new PolybError('not_found', `EasyWeek has no booking ${id}, or it was cancelled.`, { reason: 'no_appointment' });
  const rejected = (text: string, field: string) =>
    new PolybError('failed_precondition', `EasyWeek: ${text}`, { reason: 'crm_rejected', data: { field }, outcome: 'not_executed' });
  const wantedOf = ({ serviceIds: [serviceId = '', ...others], start, employeeId }: SlotBooking['slot']): Wanted => {
    if (others.length > 0) throw severalServices();
    return { serviceId, start: Date.parse(start), employeeId };
  };

  /** The customer, by its own name and number where EasyWeek has them. */
  async function customerOf({ clientId, client: given }: Pick<SlotBooking, 'clientId' | 'client'>, signal: AbortSignal): Promise<Customer> {
    const known = isUuid(clientId) ? await client.find({ path: `customers/${clientId}`, signal, what: 'Reading a customer' }) : null;
    if (known === null && (given === null || parts.clientIdOf(given.phoneNumber) !== clientId))
      throw rejected('there is no such customer; give the name and the phone, by which a booking creates one.', 'client');
    // The first booking by a phone has created the customer.
    const record = known ?? (given === null ? undefined : (await parts.findClients(given.phoneNumber, signal))[0]);
    const phoneNumber = (record === undefined ? undefined : clientFrom(record).phones[0]) ?? given?.phoneNumber;
    if (phoneNumber === undefined) throw rejected('the customer has no phone.', 'customer_phone');
    const [firstName = phoneNumber, ...rest] = (given?.name ?? '').split(/\s+/).filter((part) => part !== '');
    return {
      phoneNumber,
      firstName: textOf(record?.first_name) ?? (record === undefined ? null : nameOf(record)) ?? firstName,
      lastName: record === undefined ? rest.join(' ') || null : null,
      email: record === undefined ? (given?.email ?? null) : null,
      uuid: textOf(record?.uuid),
    };
  }
  /**
   * The booking of a customer for a service and time: ours by its reference, else an active one. A list that does not end proves
   * nothing.
   */
  async function existing(
    customerId: string | null,
    { serviceId, start, instead }: Wanted,
    ref: string,
    signal: AbortSignal,
  ): Promise<Fields | null> {
    if (customerId === null) return null;
    const { rows, isComplete } = await parts.bookings(customerId, signal);
    const same = rows.filter(
      (row) => startOf(row) === start && servicesOf(row).includes(serviceId) && ownedBy(row, customerId) && row.uuid !== instead,
    );
    const found = same.find((row) => carries(row, ref)) ?? same.find((row) => !isCancelled(row));
    if (found === undefined && !isComplete)
      throw new PolybError('upstream_failed', 'The customer has too many bookings to tell whether this one exists.', {
        reason: 'bad_reply',
      });
    return found ?? null;
  }
  async function create(
    customer: Customer,
    wanted: Wanted,
    comment: string | null | undefined,
    ref: string,
    signal: AbortSignal,
  ): Promise<Fields> {
    const zone = await beforeWriting(parts.zone(signal));
    // A second try may be of a booking that was made and refused.
    const before = await beforeWriting(existing(customer.uuid, wanted, ref, signal));
    if (before !== null) return before;
    const body = {
      location_uuid: parts.locationId,
      service_uuid: wanted.serviceId,
      staffer_uuid: wanted.employeeId ?? undefined,
      reserved_on: new Date(wanted.start).toISOString().replace(/\.\d+Z$/, 'Z'),
      customer_phone: customer.phoneNumber,
      customer_first_name: customer.firstName,
      customer_last_name: customer.lastName ?? undefined,
      customer_email: customer.email ?? undefined,
      booking_comment: [comment, referenceLine(ref)].filter((line) => line !== null && line !== undefined && line !== '').join('\n'),
      timezone: zone.name,
      source: 'polyb',
    };
    try {
      const made = await client.call({ method: 'POST', path: 'bookings', body, signal, what: 'Booking a slot' });
      if (textOf(made?.uuid) === null)
        throw new PolybError('upstream_failed', 'Booking a slot: expected a booking with its uuid in the reply of EasyWeek.', {
          reason: 'bad_reply',
        });
      return made as Fields; // It has a uuid.
    } catch (thrown) {
      const { reason, data, evidence } = thrown as PolybError;
      if (reason !== 'crm_rejected') throw thrown;
      const done = await existing(
        customer.uuid ?? textOf((await parts.findClients(customer.phoneNumber, signal))[0]?.uuid),
        wanted,
        ref,
        signal,
      );
      if (done !== null && carries(done, ref)) return done;
      const { field } = (data ?? {}) as { readonly field?: string };
      if (field !== 'reserved_on') throw thrown;
      throw new PolybError('conflict', 'Booking a slot in EasyWeek: the time is taken.', { reason: 'slot_busy', evidence });
    }
  }
  const appointmentOf = async (booking: Fields, signal: AbortSignal): Promise<Appointment> => {
    const appointment = appointmentFrom(booking, await parts.zone(signal));
    if (appointment === null)
      throw new PolybError('upstream_failed', 'Expected a booking with its time in the reply of EasyWeek.', { reason: 'bad_reply' });
    return appointment;
  };
  /** A booking that is not cancelled. */
  async function mustRead(id: string, signal: AbortSignal): Promise<Fields> {
    const booking = await parts.read(id, signal);
    if (booking === null || isCancelled(booking)) throw noAppointment(id);
    return booking;
  }
  async function cancel(id: string, reason: string | undefined, signal: AbortSignal): Promise<void> {
    const body = { cancel_reason: reason ?? '', internal_notes: '' };
    const reply = await client.call({ method: 'PUT', path: `bookings/${id}/status/cancel`, body, signal, what: 'Cancelling a booking' });
    if (reply !== null && isCancelled(reply)) return;
    // The form of the reply is not documented.
    const booking = await parts.read(id, signal);
    if (booking !== null && !isCancelled(booking))
      throw new PolybError('upstream_failed', `EasyWeek accepted the cancellation of ${id} and did not cancel it.`, {
        reason: 'bad_reply',
      });
  }

  return {
    bookSlot: {
      async attempt({ slot, clientId, client: given, comment }, { ref, signal }) {
        const wanted = wantedOf(slot);
        const customer = await beforeWriting(customerOf({ clientId, client: given }, signal));
        const made = await create(customer, wanted, comment, ref, signal);
        const appointment = await appointmentOf({ start_time: slot.start, ...made }, signal);
        return {
          ...appointment,
          clientId: appointment.clientId ?? customer.uuid ?? clientId,
          serviceIds: appointment.serviceIds.length > 0 ? appointment.serviceIds : [...slot.serviceIds],
          durationMinutes: appointment.durationMinutes || slot.durationMinutes,
        };
      },
      onUnknown: lookUp<Appointment, SlotBooking>(settleMs, async ({ ref, input: { slot, clientId, client: given } }, signal) => {
        const { uuid } = await customerOf({ clientId, client: given }, signal);
        const made = await existing(uuid, wantedOf(slot), ref, signal);
        return made === null ? null : appointmentOf(made, signal);
      }),
    },
    moveToSlot: {
      async attempt({ appointmentId, slot }, { ref, signal }) {
        const wanted = { ...wantedOf(slot), instead: appointmentId };
        const old = await beforeWriting(mustRead(appointmentId, signal));
        const { clientId, comment } = await beforeWriting(appointmentOf(old, signal));
        if (clientId === null) throw rejected('the booking has no customer.', 'customer');
        const customer = await beforeWriting(customerOf({ clientId, client: null }, signal));
        const made = await create(customer, wanted, comment, ref, signal);
        if (isCancelled(made))
          throw new PolybError('conflict', 'The new booking was cancelled meanwhile; the old one stays.', { reason: 'version_conflict' });
        const appointment = await appointmentOf({ start_time: slot.start, ...made }, signal);
        try {
          await cancel(appointmentId, 'rescheduled', signal);
        } catch (thrown) {
          // Both exist now; a second attempt finds the new one and cancels the old one.
          const { code, reason, retryAfterMs, evidence, outcome, message } = thrown as PolybError;
          const isRefused = reason === 'crm_rejected';
          throw new PolybError(isRefused ? 'conflict' : code, `The new booking was made, and the old one was not cancelled: ${message}`, {
            reason: isRefused ? 'duplicate' : reason,
            data: { existing: [appointmentId, appointment.appointmentId] },
            retryAfterMs,
            evidence,
            outcome,
            cause: thrown,
          });
        }
        return appointment;
      },
      onUnknown: lookUp<Appointment, SlotMove>(settleMs, async ({ ref, input: { appointmentId, slot } }, signal) => {
        const old = await parts.read(appointmentId, signal);
        if (old === null || !isCancelled(old)) return null;
        const { clientId } = await appointmentOf(old, signal);
        const made = await existing(clientId, { ...wantedOf(slot), instead: appointmentId }, ref, signal);
        return made === null ? null : appointmentOf(made, signal);
      }),
    },
    releaseSlot: {
      async attempt({ appointmentId, reason }, { signal }) {
        const appointment = await beforeWriting(mustRead(appointmentId, signal).then((booking) => appointmentOf(booking, signal)));
        await cancel(appointmentId, reason, signal);
        return { ...appointment, status: 'cancelled' };
      },
      onUnknown: lookUp<Appointment, SlotRelease>(settleMs, async ({ input: { appointmentId } }, signal) => {
        const booking = await parts.read(appointmentId, signal);
        return booking !== null && isCancelled(booking) ? appointmentOf(booking, signal) : null;
      }),
    },
  };
}

/** A list may ignore its filter. */
function ownedBy(booking: Fields, customerId: string): boolean {
  const { customer, customer_uuid: uuid } = booking as {
    readonly customer?: { readonly uuid?: unknown } | null;
    readonly customer_uuid?: unknown;
  };
  return [customer?.uuid, uuid].includes(customerId);
}

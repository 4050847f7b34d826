/** The requests to booking systems: each looks first, because a lost answer or another key may have done the same already. */
import { noAppointment } from '../../adapters/booking/errors.ts';
import type { Appointment, AppointmentEffect, Booking, FreeSlot, OfferedSlot } from '../../adapters/booking/port.ts';
import { byConnection, type Connections, type Queries } from '../../bus/service.ts';
import type { booking as contract } from '../../contracts/booking.ts';
import { type Effect, lookUp, type Method, type OutputOf, type ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { lookFirst } from './look-first.ts';
import type { SlotIds } from './slot-id.ts';
import type { Deliveries } from './webhook.ts';

export interface BookingParts {
  readonly connections: Connections<Booking>;
  readonly slotIds: SlotIds;
  readonly deliveries: Deliveries;
  readonly db: Queries;
  readonly now: () => number;
}

/** In the lane of its phone: the one client with this phone, or a new one. */
export function createClient(adapter: Booking): Effect<typeof contract.create_client> {
  return lookFirst(adapter.createClient, async ({ phoneNumber }, signal) => {
    const [first] = await searchOf(adapter.findClients(phoneNumber, signal));
    return first === undefined ? null : { clientId: first.clientId, created: false };
  });
}

/** The appointment that the client already has for these services at this time, or a new one. */
export function bookSlot(parts: BookingParts): Effect<typeof contract.book_slot> {
  return byConnection(parts.connections, (adapter) => {
    const inputOf = ({ slotId, clientId, client, comment }: ParsedOf<typeof contract.book_slot>) => ({
      slot: parts.slotIds.read(slotId).slot,
      clientId,
      client: client ?? null,
      comment,
    });
    const effect = adapted<typeof contract.book_slot, ReturnType<typeof inputOf>>(adapter.bookSlot, inputOf, (appointment) => ({
      appointment,
      created: true,
    }));
    return withNextSlots(
      parts,
      adapter,
      lookFirst(effect, async ({ slotId, clientId }, signal) => {
        const existing = await existingFor(adapter, parts.slotIds.read(slotId).slot, clientId, signal);
        if (existing !== undefined) return { appointment: existing, created: false };
        refuseExpired(parts, slotId);
        return null;
      }),
    );
  });
}

export function moveToSlot(parts: BookingParts): Effect<typeof contract.move_to_slot> {
  return byConnection(parts.connections, (adapter) => {
    const inputOf = ({ slotId, appointmentId }: ParsedOf<typeof contract.move_to_slot>) => ({
      slot: parts.slotIds.read(slotId).slot,
      appointmentId,
    });
    const effect = adapted<typeof contract.move_to_slot, ReturnType<typeof inputOf>>(adapter.moveToSlot, inputOf, (appointment) => ({
      appointment,
      changed: true,
    }));
    return withNextSlots(
      parts,
      adapter,
      lookFirst(effect, async ({ slotId, appointmentId, clientId }, signal) => {
        const appointment = await ownAppointment(adapter, appointmentId, clientId, signal);
        const { slot } = parts.slotIds.read(slotId);
        const isThere = isAt(appointment, slot) && (slot.employeeId === null || appointment.employeeId === slot.employeeId);
        if (isThere && isActive(appointment)) return { appointment, changed: false };
        refuseExpired(parts, slotId);
        return null;
      }),
    );
  });
}

export function releaseSlot({ connections }: BookingParts): Effect<typeof contract.release_slot> {
  return byConnection(connections, (adapter) => {
    const inputOf = ({ appointmentId, reason }: ParsedOf<typeof contract.release_slot>) => ({ appointmentId, reason });
    const effect = adapted<typeof contract.release_slot, ReturnType<typeof inputOf>>(adapter.releaseSlot, inputOf, (appointment) => ({
      appointment,
      changed: true,
    }));
    return lookFirst(effect, async ({ appointmentId, clientId }, signal) => {
      const appointment = await ownAppointment(adapter, appointmentId, clientId, signal);
      return isActive(appointment) ? null : { appointment, changed: false };
    });
  });
}

/** The adapter's effect as that of a method. */
function adapted<M extends Method, I>(
  { attempt, onUnknown }: AppointmentEffect<I>,
  inputOf: (input: ParsedOf<M>) => I,
  outputOf: (appointment: Appointment) => OutputOf<M>,
): Effect<M> {
  return {
    attempt: async (input, at) => outputOf(await attempt(inputOf(input), at)),
    onUnknown:
      onUnknown.do === 'review'
        ? onUnknown
        : lookUp<OutputOf<M>, ParsedOf<M>>(onUnknown.settleMs, async ({ input, ...at }, signal) => {
            const found = await onUnknown.find({ ...at, input: inputOf(input) }, signal);
            return found === null ? null : outputOf(found);
          }),
  };
}

/** A system that cannot be searched has nothing to find first: its own refusal of a second booking decides. */
async function searchOf<T>(search: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await search;
  } catch (thrown) {
    if (toPolybError(thrown).reason === 'unsupported') return [];
    throw thrown;
  }
}
async function existingFor(adapter: Booking, slot: OfferedSlot, clientId: string, signal: AbortSignal): Promise<Appointment | undefined> {
  const day = { from: slot.start.slice(0, 10), days: 1 };
  const own = await searchOf(adapter.listAppointments({ ...day, clientId }, signal));
  return own.find((each) => isActive(each) && isAt(each, slot) && sameIds(each.serviceIds, slot.serviceIds));
}
/** @throws PolybError not_found/no_appointment; failed_precondition/wrong_client */
async function ownAppointment(adapter: Booking, appointmentId: string, clientId: string, signal: AbortSignal): Promise<Appointment> {
  const appointment = await adapter.getAppointment(appointmentId, signal);
  if (appointment === null) throw noAppointment(appointmentId);
  if (appointment.clientId === clientId) return appointment;
  throw new PolybError('failed_precondition', `The appointment ${appointmentId} is not of the client ${clientId}.`, {
    reason: 'wrong_client',
    outcome: 'not_executed',
  });
}
function refuseExpired({ slotIds, now }: { readonly slotIds: SlotIds; readonly now: () => number }, slotId: string): void {
  if (slotIds.read(slotId).expiresAt > now()) return;
  throw new PolybError('failed_precondition', 'The slot was offered more than 30 minutes ago; ask for free slots again.', {
    reason: 'slot_expired',
    outcome: 'not_executed',
  });
}
const isActive = ({ status }: Appointment): boolean => status !== 'cancelled';
const isAt = ({ start }: Appointment, slot: OfferedSlot): boolean => Date.parse(start) === Date.parse(slot.start);
const sameIds = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((id) => others.includes(id));

/** Adds the next free slots of the same services to `slot_busy`. */
function withNextSlots<M extends typeof contract.book_slot | typeof contract.move_to_slot>(
  { slotIds }: BookingParts,
  adapter: Booking,
  effect: Effect<M>,
): Effect<M> {
  return {
    ...effect,
    async attempt(input, at) {
      try {
        return await effect.attempt(input, at);
      } catch (thrown) {
        const { code, message, reason, evidence } = toPolybError(thrown);
        if (reason !== 'slot_busy') throw thrown;
        const { connection, slot } = slotIds.read((input as { readonly slotId: string }).slotId);
        const next = await nextSlots(adapter, slot, at.signal).catch((): readonly FreeSlot[] => []);
        const slots = next.map(({ value, ...each }) => ({ slotId: slotIds.sign(connection, { value, ...each }), ...each }));
        throw new PolybError(code, message, { reason, evidence, outcome: 'not_executed', data: { slots }, cause: thrown });
      }
    },
  };
}
const offeredInstead = 5;
/** After the busy one: of the same employee first, on this and the next days. */
async function nextSlots(
  adapter: Booking,
  { serviceIds, employeeId, start }: OfferedSlot,
  signal: AbortSignal,
): Promise<readonly FreeSlot[]> {
  const free = await adapter.getFreeSlots({ serviceIds, from: start.slice(0, 10), days: 3 }, signal);
  const later = free.filter((each) => Date.parse(each.start) >= Date.parse(start));
  const same = later.filter((each) => each.employeeId === employeeId);
  return [...same, ...later.filter((each) => each.employeeId !== employeeId)].slice(0, offeredInstead);
}

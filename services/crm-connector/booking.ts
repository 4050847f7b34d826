/** Booking over the adapters of the connections. */
import { noAppointment } from '../../adapters/booking/errors.ts';
import { byConnection, type Call, connectionFor, type Handler, type HandlersOf } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { booking as contract } from '../../contracts/booking.ts';
import { narrowedTo } from '../../contracts/common.ts';
import { type BookingParts, bookSlot, createClient, moveToSlot, releaseSlot } from './booking-effects.ts';
import { noteAppointment } from './note-appointment.ts';
import { withSeenPhones } from './phone-owners.ts';
import { recordAppointment } from './record-appointment.ts';
import { webhook } from './webhook.ts';

export function bookingHandlers(parts: BookingParts): HandlersOf<typeof contract> {
  const { connections } = parts;
  return {
    list_services: async (input, { signal }) => ({ services: [...(await connectionFor(connections, input).listServices(input, signal))] }),
    list_employees: async (input, { signal }) => ({
      employees: [...(await connectionFor(connections, input).listEmployees(input, signal))],
    }),
    get_free_slots: getFreeSlots(parts),
    async find_client(input, { signal }) {
      const clients = [...(await connectionFor(connections, input).findClients(input.phoneNumber, signal))];
      return { clients, isAmbiguous: clients.length > 1 };
    },
    async get_appointment(input, { signal }) {
      const appointment = await connectionFor(connections, input).getAppointment(input.appointmentId, signal);
      if (appointment !== null) return { appointment };
      throw noAppointment(input.appointmentId);
    },
    list_appointments: listAppointments(parts),
    capabilities: async (input) => connectionFor(connections, input).capabilities(),
    webhook: webhook('booking', connections, parts.deliveries),
    create_client: byConnection(connections, createClient),
    create_appointment: createAppointment(parts),
    reschedule_appointment: async ({ appointmentId, clientId, slotId }, { key, call, commit }) => {
      const { connection } = parts.slotIds.read(slotId);
      const input = { connection, appointmentId, clientId, slotId };
      const { appointment, changed } = await call(contract.move_to_slot, input, { key: derivedKey(key, 'move') });
      return commit(async (tx) => {
        if (changed) await recordAppointment(tx, { connection, appointment, origin: 'polyb' });
        return { appointment };
      });
    },
    cancel_appointment: async ({ connection = 'main', appointmentId, clientId, reason }, { key, call, commit }) => {
      const input = { connection, appointmentId, clientId, reason };
      const { appointment, changed } = await call(contract.release_slot, input, { key: derivedKey(key, 'release') });
      return commit(async (tx) => {
        if (changed) await recordAppointment(tx, { connection, appointment, origin: 'polyb' });
        return { appointmentId, status: 'cancelled' };
      });
    },
    note_appointment: noteAppointment(parts),
    book_slot: bookSlot(parts),
    move_to_slot: moveToSlot(parts),
    release_slot: releaseSlot(parts),
  };
}

function getFreeSlots({ connections, slotIds, now }: BookingParts): Handler<typeof contract.get_free_slots> {
  return async ({ connection = 'main', serviceIds, employeeId, from, days, limit }, { signal }) => {
    const adapter = connectionFor(connections, { connection });
    const timeZone = await adapter.timeZone(signal);
    const found = await adapter.getFreeSlots({ serviceIds, employeeId, from: from ?? todayIn(timeZone, now()), days }, signal);
    const slots = found.slice(0, limit).map(({ value, ...slot }) => ({ slotId: slotIds.sign(connection, { value, ...slot }), ...slot }));
    return { slots, timeZone, isComplete: found.length <= limit };
  };
}

const mostListed = 500;
function listAppointments({ connections, db, now }: BookingParts): Handler<typeof contract.list_appointments> {
  return async ({ connection, clientId, from, days, viewer }, { signal }) => {
    const adapter = connectionFor(connections, { connection });
    const first = from ?? todayIn(await adapter.timeZone(signal), now());
    const found = await adapter.listAppointments({ clientId, from: first, days }, signal);
    const appointments = await withSeenPhones(db, found.slice(0, mostListed), narrowedTo(viewer));
    return { appointments: [...appointments], isComplete: found.length <= mostListed };
  };
}

/** The client of the appointment: by its id, or found or created by phone, in the lane of that phone. */
async function clientOf(
  { clientId, client }: { readonly clientId?: string | undefined; readonly client?: Client | undefined },
  { connection, key, call }: { readonly connection: string; readonly key: string; readonly call: Call },
): Promise<string> {
  if (client === undefined) return clientId as string; // The contract requires one of the two.
  const created = await call(contract.create_client, { connection, ...client }, { key: derivedKey(key, 'client') });
  return created.clientId;
}
interface Client {
  readonly name: string;
  readonly phoneNumber: string;
  readonly email?: string | undefined;
}

function createAppointment({ slotIds }: BookingParts): Handler<typeof contract.create_appointment> {
  return async ({ slotId, clientId, client, comment }, { key, call, commit }) => {
    const { connection } = slotIds.read(slotId);
    const found = await clientOf({ clientId, client }, { connection, key, call });
    const input = { connection, slotId, clientId: found, client, comment };
    const { appointment, created } = await call(contract.book_slot, input, { key: derivedKey(key, 'book') });
    return commit(async (tx) => {
      await recordAppointment(tx, { connection, appointment, origin: created ? 'polyb' : 'vendor' });
      return { appointment, created };
    });
  };
}

/** The current day in a zone. */
export function todayIn(timeZone: string, now: number): string {
  return new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' }).format(now);
}

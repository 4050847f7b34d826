/** A booking calendar in memory; for tests and trials. */
import { randomUUID } from 'node:crypto';
import { lookUp } from '../../contracts/kit/define.ts';
import type { BusyTimes } from './calendar.ts';
import { type AppointmentRow, type Move, ownCalendar } from './own-calendar.ts';
import type { Booking, BookingClient, Company } from './port.ts';
import type { Interval } from './schedule.ts';

export interface MemoryBooking extends Booking {
  addClient(client: Omit<BookingClient, 'clientId'>): string;
}
interface Kept extends AppointmentRow {
  readonly ref: string;
  readonly busyUntil: number;
}

export function memoryBooking({ now }: { readonly now: () => number }, first: Company | null = null): MemoryBooking {
  let company = first;
  const clients = new Map<string, BookingClient>();
  const clientRefs = new Map<string, { readonly clientId: string; readonly created: boolean }>();
  const kept = new Map<string, Kept>();
  const active = () => [...kept.values()].filter(({ status }) => status !== 'cancelled');
  const endOf = ({ start, durationMinutes, bufferMinutes }: Move) => start + (durationMinutes + bufferMinutes) * 60_000;
  const isBusy = (to: Move, except?: string) =>
    active().some(
      ({ appointmentId, employeeId, start, busyUntil }) =>
        appointmentId !== except && employeeId === to.employeeId && start < endOf(to) && busyUntil > to.start,
    );
  const addClient = (client: Omit<BookingClient, 'clientId'>): string => {
    const clientId = randomUUID();
    clients.set(clientId, { clientId, ...client });
    return clientId;
  };
  const booking = ownCalendar(
    'memory',
    {
      company: {
        get: async () => company,
        set: async (next) => {
          company = next;
        },
      },
      busy: async (span, employeeIds) => busyTimes(active(), span, employeeIds),
      get: async (appointmentId) => kept.get(appointmentId) ?? null,
      byRef: async (ref) => [...kept.values()].find((each) => each.ref === ref) ?? null,
      list: async ({ from, to }, clientId) =>
        [...kept.values()]
          .filter((each) => each.start >= from && each.start < to && (clientId === undefined || each.clientId === clientId))
          .toSorted((a, b) => a.start - b.start)
          .slice(0, 501),
      async insert({ ref, bufferMinutes, ...appointment }) {
        const client = clients.get(appointment.clientId);
        if (client === undefined) return 'no_client';
        if (isBusy({ ...appointment, bufferMinutes })) return 'busy';
        const row: Kept = {
          ...appointment,
          appointmentId: randomUUID(),
          ref,
          clientName: client.name,
          phoneNumber: client.phones[0] ?? null,
          status: 'booked',
          busyUntil: endOf({ ...appointment, bufferMinutes }),
        };
        kept.set(row.appointmentId, row);
        return row;
      },
      async move(appointmentId, to) {
        const row = kept.get(appointmentId);
        if (row === undefined || row.status === 'cancelled') return null;
        if (isBusy(to, appointmentId)) return 'busy';
        const { bufferMinutes: _, ...place } = to;
        const moved = { ...row, ...place, busyUntil: endOf(to) };
        kept.set(appointmentId, moved);
        return moved;
      },
      async cancel(appointmentId) {
        const row = kept.get(appointmentId);
        if (row === undefined) return null;
        const cancelled = { ...row, status: 'cancelled' as const };
        kept.set(appointmentId, cancelled);
        return cancelled;
      },
      findClients: async (phoneNumber) => [...clients.values()].filter(({ phones }) => phones.includes(phoneNumber)).slice(0, 50),
      createClient: {
        async attempt({ name, phoneNumber, email }, { ref }) {
          const made = clientRefs.get(ref) ?? {
            clientId: addClient({ name, phones: [phoneNumber], email: email ?? null, isMasked: false }),
            created: true,
          };
          clientRefs.set(ref, made);
          return made;
        },
        onUnknown: lookUp(0, async ({ ref }) => clientRefs.get(ref) ?? null),
      },
    },
    now,
  );
  return { ...booking, addClient };
}

function busyTimes(rows: readonly Kept[], { from, to }: Interval, employeeIds: readonly string[]): BusyTimes {
  return new Map(
    employeeIds.map((id) => [
      id,
      rows
        .filter(({ employeeId, start, busyUntil }) => employeeId === id && start < to && busyUntil > from)
        .map(({ start, busyUntil }) => ({ from: start, to: busyUntil })),
    ]),
  );
}

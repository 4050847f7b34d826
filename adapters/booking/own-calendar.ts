/** The built-in booking system over its rows, which are in memory or in PostgreSQL. */
import type { booking } from '../../contracts/booking.ts';
import { type Effect, lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { beforeWriting } from '../not-executed.ts';
import { type BusyTimes, employeesOf, knownZone, slotsOf, spanOf, type Visit, visitOf, workersFor } from './calendar.ts';
import { noAppointment, slotBusy } from './errors.ts';
import {
  type Appointment,
  type Booking,
  type BookingClient,
  type Company,
  type CompanyRecord,
  everything,
  type OfferedSlot,
} from './port.ts';
import type { Interval } from './schedule.ts';
import { addDays } from './zone.ts';

export interface AppointmentRow {
  readonly appointmentId: string;
  /** Null where a CRM keeps an appointment without a client. */
  readonly clientId: string | null;
  readonly clientName: string | null;
  readonly phoneNumber: string | null;
  readonly serviceIds: readonly string[];
  readonly employeeId: string;
  /** Unix ms. */
  readonly start: number;
  readonly durationMinutes: number;
  readonly status: Appointment['status'];
  readonly comment: string | null;
}
export interface NewAppointment extends Pick<AppointmentRow, 'serviceIds' | 'employeeId' | 'start' | 'durationMinutes'> {
  readonly clientId: string;
  readonly ref: string;
  readonly bufferMinutes: number;
  readonly comment: string | null;
}
export type Move = Pick<NewAppointment, 'employeeId' | 'start' | 'durationMinutes' | 'bufferMinutes' | 'serviceIds'>;

export interface CalendarRows {
  readonly company: CompanyRecord;
  /** Busy times with their buffers, of appointments that are not cancelled. */
  busy(span: Interval, employeeIds: readonly string[]): Promise<BusyTimes>;
  get(appointmentId: string): Promise<AppointmentRow | null>;
  byRef(ref: string): Promise<AppointmentRow | null>;
  /** Appointments that begin inside the span, earliest first, at most 501. */
  list(span: Interval, clientId: string | undefined): Promise<readonly AppointmentRow[]>;
  /** A second insert under one reference returns the first. `busy`: the employee has another appointment then. */
  insert(appointment: NewAppointment): Promise<AppointmentRow | 'busy' | 'no_client'>;
  move(appointmentId: string, to: Move): Promise<AppointmentRow | 'busy' | null>;
  cancel(appointmentId: string): Promise<AppointmentRow | null>;
  findClients(phoneNumber: string): Promise<readonly BookingClient[]>;
  readonly createClient: Effect<typeof booking.create_client>;
}

export function ownCalendar(system: string, rows: CalendarRows, now: () => number): Booking {
  async function company(): Promise<Company> {
    const found = await rows.company.get();
    if (found !== null) return found;
    throw new PolybError('failed_precondition', 'The booking calendar has no company yet; run polyb company import FILE.', {
      reason: 'crm_rejected',
      outcome: 'not_executed',
    });
  }
  function shown(of: Company, row: AppointmentRow): Appointment {
    const { appointmentId, clientId, clientName, phoneNumber, employeeId, durationMinutes, status, comment } = row;
    return {
      appointmentId,
      clientId,
      clientName,
      phoneNumber,
      serviceIds: [...row.serviceIds],
      employeeId,
      employeeName: of.employees.find((each) => each.employeeId === employeeId)?.name ?? null,
      start: knownZone(of.timeZone).iso(row.start),
      durationMinutes,
      status,
      comment,
    };
  }
  /** The employee and time of a slot, if the company still offers it. */
  async function placeOf(of: Company, slot: OfferedSlot, except?: AppointmentRow): Promise<Move> {
    const visit = visitOf(of, slot.serviceIds);
    const start = Date.parse(slot.start);
    const [worker] = workersFor(of, slot.serviceIds, slot.employeeId ?? '');
    if (worker === undefined) throw slotBusy();
    const span = { from: start, to: start + 1 };
    const busy = await busyBeside(rows, worker.employeeId, start, visit, except);
    const [offered] = slotsOf(of, visit, { span, busy, now: now() - of.noticeMinutes * 60_000, employeeId: worker.employeeId });
    if (offered === undefined || Date.parse(offered.start) !== start) throw slotBusy();
    const { serviceIds, durationMinutes, bufferMinutes } = visit;
    return { employeeId: worker.employeeId, start, durationMinutes, bufferMinutes, serviceIds };
  }

  return {
    capabilities: () => ({ system, methods: everything }),
    company: rows.company,
    timeZone: async () => (await company()).timeZone,
    async listServices({ employeeId }) {
      const { services, employees } = await company();
      const of = employees.find((each) => each.employeeId === employeeId)?.serviceIds;
      return services
        .filter(({ serviceId }) => employeeId === undefined || of?.includes(serviceId))
        .map(({ serviceId, name, category, durationMinutes, price }) => ({
          serviceId,
          name,
          category: category ?? null,
          durationMinutes,
          price: price === undefined ? null : { from: price, to: price },
        }));
    },
    listEmployees: async ({ serviceId }) => employeesOf(await company(), serviceId),
    async getFreeSlots({ serviceIds, employeeId, from, days }) {
      const of = await company();
      const visit = visitOf(of, serviceIds);
      const span = spanOf(of, { from, days }, now());
      if (span.to <= span.from) return [];
      const workers = workersFor(of, serviceIds, employeeId).map((each) => each.employeeId);
      // A visit may begin inside the span and end after it.
      const reach = { from: span.from, to: span.to + (visit.durationMinutes + visit.bufferMinutes) * 60_000 };
      return slotsOf(of, visit, { span, busy: await rows.busy(reach, workers), now: now(), employeeId });
    },
    findClients: (phoneNumber) => rows.findClients(phoneNumber),
    createClient: rows.createClient,
    async getAppointment(appointmentId) {
      const row = await rows.get(appointmentId);
      return row === null ? null : shown(await company(), row);
    },
    async listAppointments({ clientId, from, days }) {
      const of = await company();
      const zone = knownZone(of.timeZone);
      const found = await rows.list({ from: zone.at(from, 0), to: zone.at(addDays(from, days), 0) }, clientId);
      return found.map((row) => shown(of, row));
    },
    bookSlot: {
      async attempt({ slot, clientId, comment }, { ref }) {
        const of = await beforeWriting(company());
        const before = await beforeWriting(rows.byRef(ref));
        if (before !== null) return shown(of, before);
        const place = await beforeWriting(placeOf(of, slot));
        const made = await rows.insert({ ...place, ref, clientId, comment: comment ?? null });
        if (made === 'busy') throw slotBusy();
        if (made === 'no_client')
          throw new PolybError('failed_precondition', `The calendar has no client ${clientId}; create it first.`, {
            reason: 'crm_rejected',
            data: { field: 'clientId' },
          });
        return shown(of, made);
      },
      onUnknown: lookUp(0, async ({ ref }) => {
        const row = await rows.byRef(ref);
        return row === null ? null : shown(await company(), row);
      }),
    },
    moveToSlot: {
      async attempt({ slot, appointmentId }) {
        const of = await beforeWriting(company());
        const row = await beforeWriting(rows.get(appointmentId));
        if (row === null || row.status === 'cancelled') throw noAppointment(appointmentId);
        const moved = await rows.move(appointmentId, await beforeWriting(placeOf(of, slot, row)));
        if (moved === 'busy') throw slotBusy();
        if (moved === null) throw noAppointment(appointmentId);
        return shown(of, moved);
      },
      onUnknown: lookUp<Appointment, { readonly slot: OfferedSlot; readonly appointmentId: string }>(
        0,
        async ({ input: { slot, appointmentId } }) => {
          const row = await rows.get(appointmentId);
          const isThere = row !== null && row.start === Date.parse(slot.start) && row.employeeId === slot.employeeId;
          return isThere && row.status !== 'cancelled' ? shown(await company(), row) : null;
        },
      ),
    },
    releaseSlot: {
      async attempt({ appointmentId }) {
        const row = await rows.cancel(appointmentId);
        if (row === null) throw noAppointment(appointmentId);
        return shown(await company(), row);
      },
      onUnknown: lookUp<Appointment, { readonly appointmentId: string }>(0, async ({ input: { appointmentId } }) => {
        const row = await rows.get(appointmentId);
        return row?.status === 'cancelled' ? shown(await company(), row) : null;
      }),
    },
  };
}

/** What an employee has around a start, without the appointment that is being moved. */
async function busyBeside(
  rows: CalendarRows,
  employeeId: string,
  start: number,
  { durationMinutes, bufferMinutes }: Visit,
  except: AppointmentRow | undefined,
): Promise<BusyTimes> {
  const busy = await rows.busy({ from: start, to: start + (durationMinutes + bufferMinutes) * 60_000 }, [employeeId]);
  if (except?.employeeId !== employeeId) return busy;
  return new Map([[employeeId, (busy.get(employeeId) ?? []).filter(({ from }) => from !== except.start)]]);
}

/**
 * Booking over the appointments of a CRM that has no slots and does not check for clashes: hours and services come from a setting,
 * employees and appointments from the CRM.
 */

import { z } from 'zod';
import type { booking } from '../../contracts/booking.ts';
import { Company as CompanySchema } from '../../contracts/company.ts';
import { type Effect, lookUp, type UnknownAttempt } from '../../contracts/kit/define.ts';
import { afterWrite } from '../after-write.ts';
import { inTurn } from '../in-turn.ts';
import { beforeWriting } from '../not-executed.ts';
import type { BusyTimes } from './calendar.ts';
import { type AppointmentRow, type Move, type NewAppointment, ownCalendar } from './own-calendar.ts';
import {
  type Appointment,
  type AppointmentEffect,
  type Booking,
  type BookingCapabilities,
  type Company,
  type Employee,
  everything,
} from './port.ts';
import type { Interval } from './schedule.ts';

const company = CompanySchema.shape;
const worker = company.employees.element.shape;
/** The hours and services of a location whose employees a CRM keeps. */
export const Schedule = z.strictObject({
  timeZone: company.timeZone,
  stepMinutes: company.stepMinutes,
  noticeMinutes: company.noticeMinutes,
  horizonDays: company.horizonDays,
  holidays: company.holidays,
  services: company.services,
  hours: worker.hours.describe('Hours of every employee without hours of their own.'),
  employees: z
    .array(
      z.strictObject({
        employeeId: worker.employeeId.describe('Id of the CRM.'),
        serviceIds: worker.serviceIds.optional().describe('All services if absent.'),
        hours: worker.hours.optional(),
        exceptions: worker.exceptions,
      }),
    )
    .max(500)
    .optional()
    .describe('Who can be booked; every active employee of the CRM if absent.'),
});
export type Schedule = z.output<typeof Schedule>;

/** An appointment of the CRM that takes an employee's time. */
export interface Occupation extends Interval {
  readonly appointmentId: string;
  /** When it was made, in a form that sorts. Of two that clash the older stays; of the same age neither does. */
  readonly age: string;
}
export interface VendorAppointments {
  employees(signal: AbortSignal): Promise<readonly Pick<Employee, 'employeeId' | 'name' | 'position'>[]>;
  /** When employees are busy, with appointments and anything else. */
  busy(span: Interval, employeeIds: readonly string[], signal: AbortSignal): Promise<BusyTimes>;
  /** Appointments of the employee that overlap the span, without cancelled ones. */
  overlapping(employeeId: string, span: Interval, signal: AbortSignal): Promise<readonly Occupation[]>;
  get(appointmentId: string, signal: AbortSignal): Promise<AppointmentRow | null>;
  byRef(ref: string, signal: AbortSignal): Promise<AppointmentRow | null>;
  /** Appointments that begin inside the span, earliest first, at most 501. */
  list(span: Interval, clientId: string | undefined, signal: AbortSignal): Promise<readonly AppointmentRow[]>;
  create(appointment: NewAppointment, signal: AbortSignal): Promise<AppointmentRow | 'no_client'>;
  move(appointmentId: string, to: Omit<Move, 'bufferMinutes'>, signal: AbortSignal): Promise<AppointmentRow | null>;
  cancel(appointmentId: string, signal: AbortSignal): Promise<AppointmentRow | null>;
  findClients: Booking['findClients'];
  readonly createClient: Effect<typeof booking.create_client>;
}

export function vendorCalendar(
  system: string,
  appointments: VendorAppointments,
  { schedule, settleMs, now }: { readonly schedule: Schedule; readonly settleMs: number; readonly now: () => number },
): Booking {
  const perEmployee = inTurn();
  const endOf = ({ start, durationMinutes }: Pick<Move, 'start' | 'durationMinutes'>) => start + durationMinutes * 60_000;
  /** Another appointment that stays where this one was just written. Two processes may both have found the time free. */
  async function clashOf(row: AppointmentRow, isAny: boolean, signal: AbortSignal): Promise<boolean> {
    const found = await appointments.overlapping(row.employeeId, { from: row.start, to: endOf(row) }, signal);
    const own = found.find(({ appointmentId }) => appointmentId === row.appointmentId);
    return found.some((other) => other !== own && (isAny || own === undefined || other.age <= own.age));
  }
  async function insert(wanted: NewAppointment, signal: AbortSignal): Promise<AppointmentRow | 'busy' | 'no_client'> {
    const span = { from: wanted.start, to: endOf(wanted) };
    if ((await beforeWriting(appointments.overlapping(wanted.employeeId, span, signal))).length > 0) return 'busy';
    const row = await appointments.create(wanted, signal);
    if (row === 'no_client') return row;
    return afterWrite(`An appointment in ${system}`, async () => {
      if (!(await clashOf(row, false, signal))) return row;
      await appointments.cancel(row.appointmentId, signal);
      return 'busy';
    });
  }
  async function move(appointmentId: string, to: Move, signal: AbortSignal): Promise<AppointmentRow | 'busy' | null> {
    const before = await beforeWriting(appointments.get(appointmentId, signal));
    if (before === null) return null;
    const span = { from: to.start, to: endOf(to) };
    const others = await beforeWriting(appointments.overlapping(to.employeeId, span, signal));
    if (others.some((other) => other.appointmentId !== appointmentId)) return 'busy';
    const row = await appointments.move(appointmentId, to, signal);
    if (row === null) return null;
    return afterWrite(`An appointment in ${system}`, async () => {
      if (!(await clashOf(row, true, signal))) return row;
      await appointments.move(appointmentId, before, signal);
      return 'busy';
    });
  }

  const open = (signal: AbortSignal): Booking => {
    let known: Promise<Company> | undefined;
    return ownCalendar(
      system,
      {
        company: {
          get() {
            known ??= appointments.employees(signal).then((employees) => companyOf(schedule, employees));
            return known;
          },
          set: () => Promise.reject(new TypeError('the schedule is a setting')),
        },
        busy: (span, employeeIds) => appointments.busy(span, employeeIds, signal),
        get: (appointmentId) => appointments.get(appointmentId, signal),
        byRef: (ref) => appointments.byRef(ref, signal),
        list: (span, clientId) => appointments.list(span, clientId, signal),
        insert: (wanted) => perEmployee(wanted.employeeId, () => insert(wanted, signal)),
        move: (appointmentId, to) => perEmployee(to.employeeId, () => move(appointmentId, to, signal)),
        cancel: (appointmentId) => appointments.cancel(appointmentId, signal),
        findClients: (phoneNumber) => appointments.findClients(phoneNumber, signal),
        createClient: appointments.createClient,
      },
      now,
    );
  };
  function effect<I>(pick: (booking: Booking) => AppointmentEffect<I>): AppointmentEffect<I> {
    return {
      attempt: (input, at) => pick(open(at.signal)).attempt(input, at),
      onUnknown: lookUp<Appointment, I>(settleMs, async (attempt: UnknownAttempt<I>, signal) => {
        const { onUnknown } = pick(open(signal));
        return onUnknown.do === 'look_up' ? onUnknown.find(attempt, signal) : null;
      }),
    };
  }
  return {
    capabilities: () => ({ system, methods }),
    timeZone: async () => schedule.timeZone,
    listServices: (query, signal) => open(signal).listServices(query, signal),
    listEmployees: (query, signal) => open(signal).listEmployees(query, signal),
    getFreeSlots: (query, signal) => open(signal).getFreeSlots(query, signal),
    findClients: appointments.findClients,
    getAppointment: (appointmentId, signal) => open(signal).getAppointment(appointmentId, signal),
    listAppointments: (query, signal) => open(signal).listAppointments(query, signal),
    createClient: appointments.createClient,
    bookSlot: effect(({ bookSlot }) => bookSlot),
    moveToSlot: effect(({ moveToSlot }) => moveToSlot),
    releaseSlot: effect(({ releaseSlot }) => releaseSlot),
  };
}
const methods: BookingCapabilities['methods'] = {
  ...everything,
  list_services: 'emulated',
  get_free_slots: 'emulated',
  create_appointment: 'emulated',
  reschedule_appointment: 'emulated',
};

/** All of a span from a search that returns at most `most`: a span with more is read in halves, down to a day. */
export async function wholeSpan<T>(span: Interval, most: number, search: (part: Interval) => Promise<readonly T[]>): Promise<readonly T[]> {
  const found = await search(span);
  if (found.length < most || span.to - span.from <= 86_400_000) return found;
  const middle = Math.floor((span.from + span.to) / 2);
  const parts = [
    await wholeSpan({ from: span.from, to: middle }, most, search),
    await wholeSpan({ from: middle, to: span.to }, most, search),
  ];
  return parts.flat();
}

/** Time that stays free after a visit of these services. */
export function bufferMs({ services }: Schedule, serviceIds: readonly string[]): number {
  return (services.find(({ serviceId }) => serviceId === serviceIds.at(-1))?.bufferMinutes ?? 0) * 60_000;
}

function companyOf(schedule: Schedule, employees: Awaited<ReturnType<VendorAppointments['employees']>>): Company {
  const { services, hours, employees: chosen, ...rest } = schedule;
  const all = services.map(({ serviceId }) => serviceId);
  return {
    ...rest,
    name: 'CRM',
    openingHours: [],
    services,
    employees: employees.flatMap(({ employeeId, name, position }) => {
      const own = chosen?.find((each) => each.employeeId === employeeId);
      if (chosen !== undefined && own === undefined) return [];
      return [
        {
          employeeId,
          name,
          ...(position !== null && { position }),
          serviceIds: own?.serviceIds ?? all,
          hours: own?.hours ?? hours,
          exceptions: own?.exceptions ?? [],
        },
      ];
    }),
  };
}

/**
 * The port of booking systems. An adapter neither signs slots nor looks for an existing appointment first; the service does. Writes are
 * effects, which only the journal runs.
 */
import type { z } from 'zod';
import type {
  Appointment as AppointmentSchema,
  booking,
  BookingClient as ClientSchema,
  Employee as EmployeeSchema,
  BookingService as ServiceSchema,
  Slot as SlotSchema,
} from '../../contracts/booking.ts';
import type { Company as CompanySchema } from '../../contracts/company.ts';
import type { Effect, OutputOf, UnknownAttempt } from '../../contracts/kit/define.ts';
import type { Webhooks } from '../crm-webhook.ts';

export type BookingService = z.output<typeof ServiceSchema>;
export type Employee = z.output<typeof EmployeeSchema>;
export type BookingClient = z.output<typeof ClientSchema>;
export type Appointment = z.output<typeof AppointmentSchema>;
export type BookingCapabilities = OutputOf<typeof booking.capabilities>;

/** A slot as the booking system offers it. */
export interface FreeSlot extends Omit<z.output<typeof SlotSchema>, 'slotId'> {
  /** What the booking system expects back when this slot is booked, at most 60 characters. */
  readonly value: string | null;
}
/** What a slot id holds. */
export type OfferedSlot = Pick<FreeSlot, 'serviceIds' | 'employeeId' | 'start' | 'durationMinutes' | 'value'>;

/** Days of the location, from `from` (`2026-12-24`) on. */
export interface Days {
  readonly from: string;
  readonly days: number;
}
export interface SlotBooking {
  readonly slot: OfferedSlot;
  readonly clientId: string;
  /** Known when the client was given by phone. */
  readonly client: { readonly name: string; readonly phoneNumber: string; readonly email?: string | undefined } | null;
  readonly comment: string | undefined;
}
export interface SlotMove {
  readonly slot: OfferedSlot;
  readonly appointmentId: string;
}
export interface SlotRelease {
  readonly appointmentId: string;
  readonly reason: string | undefined;
}
/** An effect on an appointment. A look-up is given the same input as the attempt. */
export interface AppointmentEffect<I> {
  /** @throws PolybError conflict/slot_busy; failed_precondition/client_blocked or crm_rejected; not_found/no_appointment. */
  attempt(input: I, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<Appointment>;
  readonly onUnknown:
    | { readonly do: 'review' }
    | {
        readonly do: 'look_up';
        readonly settleMs: number;
        find(attempt: UnknownAttempt<I>, signal: AbortSignal): Promise<Appointment | null>;
      };
}

export type Company = z.output<typeof CompanySchema>;
export interface CompanyRecord {
  get(): Promise<Company | null>;
  set(company: Company): Promise<void>;
}

export interface Booking {
  capabilities(): BookingCapabilities;
  /** IANA name of the location's zone. */
  timeZone(signal: AbortSignal): Promise<string>;
  listServices(query: { readonly employeeId?: string | undefined }, signal: AbortSignal): Promise<readonly BookingService[]>;
  listEmployees(query: { readonly serviceId?: string | undefined }, signal: AbortSignal): Promise<readonly Employee[]>;
  /**
   * Free slots of the services, one after the other, earliest first; none in the past.
   * @throws PolybError not_found/unknown_service.
   */
  getFreeSlots(
    query: Days & { readonly serviceIds: readonly string[]; readonly employeeId?: string | undefined },
    signal: AbortSignal,
  ): Promise<readonly FreeSlot[]>;
  /** At most 50 clients that have this phone (E.164), in any spelling. */
  findClients(phoneNumber: string, signal: AbortSignal): Promise<readonly BookingClient[]>;
  /** Null if there is none, or it was deleted. */
  getAppointment(appointmentId: string, signal: AbortSignal): Promise<Appointment | null>;
  /** Appointments that begin on these days, also cancelled ones where the system keeps them; earliest first, at most 501. */
  listAppointments(query: Days & { readonly clientId?: string | undefined }, signal: AbortSignal): Promise<readonly Appointment[]>;
  /** Does not search for a client with this phone; the service does. */
  readonly createClient: Effect<typeof booking.create_client>;
  readonly bookSlot: AppointmentEffect<SlotBooking>;
  readonly moveToSlot: AppointmentEffect<SlotMove>;
  readonly releaseSlot: AppointmentEffect<SlotRelease>;
  /** Absent where the system delivers nothing; its appointments are listed now and then. */
  readonly webhooks?: Webhooks;
  /** Only of the built-in calendar. */
  readonly company?: CompanyRecord;
}

/** Capabilities of a booking system that supports everything; the service composes the appointment methods of the effects. */
export const everything = {
  list_services: 'native',
  list_employees: 'native',
  get_free_slots: 'native',
  find_client: 'native',
  create_client: 'native',
  create_appointment: 'native',
  get_appointment: 'native',
  list_appointments: 'native',
  reschedule_appointment: 'native',
  cancel_appointment: 'native',
} as const satisfies BookingCapabilities['methods'];

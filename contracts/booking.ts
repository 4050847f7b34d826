/**
 * Services, employees, free slots and appointments, in any booking system.
 *
 * All times have the offset of the location: one connection is one location with one time zone, and its days begin and end there.
 */
import { z } from 'zod';
import { Connection, Day, Email, Id, Line, Money, PersonName, PersonText, Phone, TimeZone, Viewer } from './common.ts';
import { receiving, SupportedMethods } from './crm.ts';
import { contract, event, method } from './kit/define.ts';

const BookingId = Id.describe('An opaque id of the booking system.');
const connection = Connection.optional();
/** Start of a slot or an appointment, to the second, with the offset of the location: `2026-12-24T12:30:00+03:00`. */
const LocalTime = z.iso.datetime({ offset: true, error: 'a time with its offset, e.g. 2026-12-24T12:30:00+03:00' }).max(40);
const Minutes = z.int().min(1).max(1440);
/** At most five, so that a slot id can hold them. */
const ServiceIds = z.array(BookingId).min(1).max(5).describe('Services that are provided one after the other in one visit.');

export const BookingService = z.object({
  serviceId: BookingId,
  name: Line,
  category: Line.nullable(),
  durationMinutes: Minutes.nullable().describe('Null where it depends on the employee.'),
  price: z.object({ from: Money, to: Money }).nullable(),
});
export const Employee = z.object({
  employeeId: BookingId,
  name: PersonName,
  position: Line.nullable(),
  serviceIds: z.array(BookingId).max(500).nullable().describe('What the employee provides; null if the system does not list it.'),
});
export const SlotId = z
  .string()
  .min(1)
  .max(200)
  .describe('Opaque and signed. It names the connection, services, employee and time, and can be booked for 30 minutes.');
export const Slot = z.object({
  slotId: SlotId,
  start: LocalTime,
  durationMinutes: Minutes,
  employeeId: BookingId.nullable().describe('Null if the booking system chooses the employee.'),
  employeeName: PersonName.nullable(),
  serviceIds: z.array(BookingId).min(1).max(5),
  price: Money.nullable(),
});
export const BookingClient = z.object({
  clientId: BookingId,
  name: z.string().max(200).nullable().meta({ pii: 'name' }),
  phones: z.array(Phone).max(20),
  email: Email.nullable(),
  isMasked: z.boolean().describe('The system hides phones and e-mail addresses from this connection.'),
});
export const AppointmentStatus = z.enum(['booked', 'confirmed', 'arrived', 'no_show', 'cancelled']);
export const Appointment = z.object({
  appointmentId: BookingId,
  clientId: BookingId.nullable().describe('Null for a group event and for a visitor without a record.'),
  clientName: z.string().max(200).nullable().meta({ pii: 'name' }),
  phoneNumber: Phone.nullable(),
  serviceIds: z.array(BookingId).max(50),
  employeeId: BookingId.nullable(),
  employeeName: PersonName.nullable(),
  start: LocalTime,
  durationMinutes: z.int().min(0).max(10_080),
  status: AppointmentStatus,
  comment: PersonText.nullable(),
});
const FreeSlots = z.object({ slots: z.array(Slot).max(5).describe('The next free slots of the same services.') });

/** Reasons of every method that sends a request to the booking system. */
const upstream = {
  upstream_credentials: 'failed_precondition',
  reauthorise: 'failed_precondition',
  unsupported: 'unimplemented',
  rate_limited: 'resource_exhausted',
  blocked: 'unavailable',
  no_connection: 'failed_precondition',
} as const;
const refused = {
  ...upstream,
  crm_rejected: {
    code: 'failed_precondition',
    data: z
      .object({ field: z.string().max(100), rule: z.string().max(100).optional() })
      .optional()
      .describe('The field that the system refused, and the rule that it violates, if it names them.'),
  },
  client_blocked: 'failed_precondition',
  duplicate: {
    code: 'conflict',
    data: z
      .object({ existing: z.array(BookingId).max(50) })
      .optional()
      .describe('The appointments or clients with which the request clashes; both appointments of a move that was half done.'),
  },
  version_conflict: 'conflict',
} as const;
const refusedSlot = {
  ...refused,
  bad_slot: 'invalid_argument',
  slot_expired: 'failed_precondition',
  slot_busy: { code: 'conflict', data: FreeSlots.optional() },
} as const;
const ownAppointment = { ...refused, wrong_client: 'failed_precondition' } as const;
/** The requests to the booking system; the public methods of the service call them. */
const roles = ['crm-connector'];
const AppointmentChange = z.object({
  connection: Connection,
  appointmentId: BookingId,
  clientId: BookingId.nullable(),
  serviceIds: z.array(BookingId).max(50),
  employeeId: BookingId.nullable(),
  start: LocalTime,
  durationMinutes: z.int().min(0).max(10_080),
  status: AppointmentStatus,
  origin: z.enum(['polyb', 'vendor']).describe('Whether this system made the change, or somebody in the booking system.'),
});
/** Rows of one client run in order, whichever of these methods they call. */
const lane = { name: 'booking.client', field: 'clientId' } as const;

export const booking = contract('booking', '1.0.0', {
  list_services: method({
    summary: 'Services that can be booked.',
    input: z.strictObject({ connection, employeeId: BookingId.optional() }),
    output: z.object({ services: z.array(BookingService).max(500) }),
    idempotency: 'read',
    errors: upstream,
    http: 'GET /api/v1/booking/services',
  }),
  list_employees: method({
    summary: 'Employees who can be booked.',
    input: z.strictObject({ connection, serviceId: BookingId.optional() }),
    output: z.object({ employees: z.array(Employee).max(500) }),
    idempotency: 'read',
    errors: upstream,
    http: 'GET /api/v1/booking/employees',
  }),
  get_free_slots: method({
    summary: 'Free slots of one or more services, earliest first.',
    input: z.strictObject({
      connection,
      serviceIds: ServiceIds,
      employeeId: BookingId.optional(),
      from: Day.optional().describe('First day, in the time zone of the location; today if absent.'),
      days: z.int().min(1).max(62).default(7),
      limit: z.int().min(1).max(1000).default(100),
    }),
    output: z.object({
      slots: z.array(Slot).max(1000),
      timeZone: TimeZone.describe('Time zone of the location.'),
      isComplete: z.boolean().describe('False if there are more slots than `limit`.'),
    }),
    idempotency: 'read',
    errors: { ...upstream, unknown_service: 'not_found' },
    http: 'GET /api/v1/booking/slots',
    examples: [{ serviceIds: ['haircut'], from: '2026-12-24', days: 3 }],
  }),
  find_client: method({
    summary: 'Clients of the booking system with this phone, in any spelling.',
    input: z.strictObject({ connection, phoneNumber: Phone }),
    output: z.object({
      clients: z.array(BookingClient).max(50),
      isAmbiguous: z.boolean().describe('More than one client has this phone.'),
    }),
    idempotency: 'read',
    errors: upstream,
    http: 'GET /api/v1/booking/clients',
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  create_client: method({
    summary: 'Create a client, unless one with this phone exists.',
    input: z.strictObject({ connection, name: PersonName, phoneNumber: Phone, email: Email.optional() }),
    output: z.object({ clientId: BookingId, created: z.boolean() }),
    idempotency: 'keyed',
    lane: 'phoneNumber',
    errors: refused,
    http: 'POST /api/v1/booking/clients',
  }),
  create_appointment: method({
    summary: 'Book a slot for a client.',
    input: z
      .strictObject({
        slotId: SlotId,
        clientId: BookingId.optional(),
        client: z
          .strictObject({ name: PersonName, phoneNumber: Phone, email: Email.optional() })
          .optional()
          .describe('A client by phone, created if nobody has it.'),
        comment: PersonText.optional(),
      })
      .refine(({ clientId, client }) => (clientId === undefined) !== (client === undefined), 'either clientId or client'),
    output: z.object({
      appointment: Appointment,
      created: z.boolean().describe('False if the client already had an appointment for these services at this time.'),
    }),
    idempotency: 'keyed',
    settles: true,
    timeoutMs: 30_000,
    errors: refusedSlot,
    http: 'POST /api/v1/booking/appointments',
  }),
  get_appointment: method({
    summary: 'One appointment.',
    input: z.strictObject({ connection, appointmentId: BookingId }),
    output: z.object({ appointment: Appointment }),
    idempotency: 'read',
    errors: { ...upstream, no_appointment: 'not_found' },
    http: 'GET /api/v1/booking/appointments/{appointmentId}',
  }),
  list_appointments: method({
    summary: 'Appointments of a client, or all of some days, earliest first.',
    input: z.strictObject({
      connection,
      clientId: BookingId.optional(),
      from: Day.optional().describe('First day, in the time zone of the location; today if absent.'),
      days: z.int().min(1).max(366).default(31),
      viewer: Viewer,
    }),
    output: z.object({
      appointments: z.array(Appointment).max(500),
      isComplete: z.boolean().describe('False if there are more; ask for fewer days.'),
    }),
    idempotency: 'read',
    errors: upstream,
    http: { route: 'GET /api/v1/booking/appointments', viewer: 'viewer' },
  }),
  reschedule_appointment: method({
    summary: 'Move an appointment of a client to another slot.',
    input: z.strictObject({ appointmentId: BookingId, clientId: BookingId, slotId: SlotId }),
    output: z.object({ appointment: Appointment }),
    idempotency: 'keyed',
    settles: true,
    timeoutMs: 30_000,
    errors: { ...refusedSlot, ...ownAppointment, no_appointment: 'not_found' },
    http: 'POST /api/v1/booking/appointments/{appointmentId}/reschedule',
  }),
  cancel_appointment: method({
    summary: 'Cancel an appointment of a client.',
    input: z.strictObject({ connection, appointmentId: BookingId, clientId: BookingId, reason: Line.optional() }),
    output: z.object({ appointmentId: BookingId, status: z.literal('cancelled') }),
    idempotency: 'keyed',
    settles: true,
    timeoutMs: 30_000,
    errors: { ...ownAppointment, no_appointment: 'not_found' },
    http: 'POST /api/v1/booking/appointments/{appointmentId}/cancel',
  }),
  webhook: method({
    summary: 'Receive what a booking system delivers. Replies once it is stored; the appointments are read again.',
    ...receiving,
    http: { route: 'POST /api/v1/booking/webhooks/{connection}/{secret}', body: 'raw' },
  }),
  capabilities: method({
    summary: 'The booking system of a connection and its features.',
    input: z.strictObject({ connection }),
    output: z.object({
      system: z.string().max(40),
      methods: SupportedMethods,
    }),
    idempotency: 'read',
    errors: { no_connection: 'failed_precondition' },
    http: 'GET /api/v1/booking/capabilities',
  }),
  book_slot: method({
    summary: 'Book a slot for a known client: the request to the booking system.',
    input: z.strictObject({
      connection,
      slotId: SlotId,
      clientId: BookingId,
      client: z
        .strictObject({ name: PersonName, phoneNumber: Phone, email: Email.optional() })
        .optional()
        .describe('For booking systems that need them beside the id.'),
      comment: PersonText.optional(),
    }),
    output: z.object({ appointment: Appointment, created: z.boolean() }),
    idempotency: 'keyed',
    timeoutMs: 30_000,
    lane,
    roles,
    errors: refusedSlot,
  }),
  move_to_slot: method({
    summary: 'Move an appointment to a slot: the request to the booking system.',
    input: z.strictObject({ connection, appointmentId: BookingId, clientId: BookingId, slotId: SlotId }),
    output: z.object({ appointment: Appointment, changed: z.boolean().describe('False if it was so already.') }),
    idempotency: 'keyed',
    timeoutMs: 30_000,
    lane,
    roles,
    errors: { ...refusedSlot, ...ownAppointment, no_appointment: 'not_found' },
  }),
  release_slot: method({
    summary: 'Cancel an appointment: the request to the booking system.',
    input: z.strictObject({ connection, appointmentId: BookingId, clientId: BookingId, reason: Line.optional() }),
    output: z.object({ appointment: Appointment, changed: z.boolean().describe('False if it was so already.') }),
    idempotency: 'keyed',
    timeoutMs: 30_000,
    lane,
    roles,
    errors: { ...ownAppointment, no_appointment: 'not_found' },
  }),
  note_appointment: method({
    summary: 'Note an appointment at the contact of its client in the primary CRM, and link the two.',
    input: z.strictObject({
      connection: Connection,
      appointmentId: BookingId,
      clientId: BookingId.nullable(),
      serviceIds: z.array(BookingId).max(50),
      change: z.enum(['created', 'changed', 'cancelled']),
      start: LocalTime,
    }),
    output: z.object({
      contactId: BookingId.nullable().describe('Null if the booking system tells no phone of the client.'),
      noteId: BookingId.nullable(),
    }),
    idempotency: 'keyed',
    timeoutMs: 60_000,
    lane: 'appointmentId',
    roles,
    errors: { ...upstream, crm_rejected: 'failed_precondition' },
  }),
  appointment_created: event({
    summary: 'An appointment was made, here or in the booking system.',
    payload: AppointmentChange,
    key: 'appointmentId',
  }),
  appointment_changed: event({
    summary: 'An appointment was moved or changed, here or in the booking system.',
    payload: AppointmentChange,
    key: 'appointmentId',
  }),
  appointment_cancelled: event({
    summary: 'An appointment was cancelled, here or in the booking system.',
    payload: AppointmentChange,
    key: 'appointmentId',
  }),
});

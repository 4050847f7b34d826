/**
 * Online booking without a user token. Clients and the journal cannot be read: a client is known by the phone of a booking only, and an
 * appointment by its id and the hash that its booking returned.
 */
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { clientIdOfPhone } from '../../booking/phone-client.ts';
import { type Appointment, type Booking, everything, type SlotBooking, type SlotRelease } from '../../booking/port.ts';
import { beforeWriting } from '../../not-executed.ts';
import { unsupported, unsupportedEffect } from '../../unsupported.ts';
import { appointmentFrom, isDeleted } from './records.ts';
import { noAppointment, type Salon } from './salon.ts';
import { fieldsOf } from './values.ts';

export function guestBooking({ platform, options, client, schedule, online, now }: Salon): Booking {
  const { companyId, settleMs } = options;
  const needsUser = (what: string) => unsupported(platform.title, `${what} without ${platform.userTokenSetting}`);
  const clientIdOf = (phoneNumber: string) => clientIdOfPhone(`${platform.name} ${companyId}`, phoneNumber);

  /** `4711-567df655…-9f86d081884c7d65`: the record, its hash, and the client, whom the record does not name; null for another form. */
  const partsOf = (appointmentId: string): { readonly id: string; readonly hash: string; readonly clientId: string } | null => {
    const [, id, hash, client] = /^(\d{1,14})-(\w{8,32})-([0-9a-f]{16})$/.exec(appointmentId) ?? [];
    return id === undefined || hash === undefined || client === undefined ? null : { id, hash, clientId: `phone-${client}` };
  };
  async function read(appointmentId: string, signal: AbortSignal): Promise<Appointment | null> {
    const parts = partsOf(appointmentId);
    if (parts === null) return null;
    const reply = await client.find({ path: `book_record/${companyId}/${parts.id}/${parts.hash}`, signal, what: 'Reading an appointment' });
    const record = fieldsOf(reply?.data);
    if (reply === null || isDeleted(record)) return null;
    const appointment = appointmentFrom(record, { zone: await schedule.zone(signal), now: now() });
    return appointment === null ? null : { ...appointment, appointmentId, clientId: parts.clientId };
  }
  async function mustRead(appointmentId: string, signal: AbortSignal): Promise<Appointment> {
    const appointment = await read(appointmentId, signal);
    if (appointment === null) throw noAppointment(platform.title, appointmentId);
    return appointment;
  }

  return {
    ...schedule,
    capabilities: () => ({
      system: platform.name,
      methods: {
        ...everything,
        find_client: 'unsupported',
        create_client: 'emulated',
        list_appointments: 'unsupported',
        reschedule_appointment: 'unsupported',
      },
    }),
    findClients: async () => {
      throw needsUser('a search of clients');
    },
    getAppointment: read,
    listAppointments: async () => {
      throw needsUser('a list of appointments');
    },
    createClient: {
      attempt: async ({ phoneNumber }) => ({ clientId: clientIdOf(phoneNumber), created: true }),
      onUnknown: lookUp(0, async () => null),
    },
    bookSlot: {
      async attempt({ slot, clientId, client: visitor, comment }, { ref, signal }) {
        if (visitor === null || clientIdOf(visitor.phoneNumber) !== clientId)
          throw new PolybError('failed_precondition', `${platform.title} books by phone: give the name and the phone of the client.`, {
            reason: 'crm_rejected',
            data: { field: 'client' },
          });
        await beforeWriting(online.check(slot, signal));
        const { recordId, hash } = await online.book(slot, { ...visitor, email: visitor.email }, { comment, ref, signal });
        return {
          appointmentId: `${recordId}-${hash}-${clientId.replace('phone-', '')}`,
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
        };
      },
      // The lost reply had the only key to the appointment: a free slot proves that there is none, and a taken one proves nothing.
      onUnknown: lookUp<Appointment, SlotBooking>(settleMs, async ({ input: { slot } }, signal) => {
        if (await schedule.isFree(slot, signal)) return null;
        throw new PolybError(
          'failed_precondition',
          `The slot at ${slot.start} is taken, maybe by this booking; look into the journal of the location.`,
          {
            reason: 'outcome_unknown',
            outcome: 'unknown',
          },
        );
      }),
    },
    moveToSlot: unsupportedEffect(platform.title, `moving an appointment without ${platform.userTokenSetting}`),
    releaseSlot: {
      async attempt({ appointmentId }, { signal }) {
        const appointment = await beforeWriting(mustRead(appointmentId, signal));
        const { id, hash } = partsOf(appointmentId) as NonNullable<ReturnType<typeof partsOf>>; // It was read by them.
        await client.find({ method: 'DELETE', path: `user/records/${id}/${hash}`, signal, what: 'Cancelling an appointment' });
        return { ...appointment, status: 'cancelled' };
      },
      // A second attempt finds that there is none.
      onUnknown: lookUp<Appointment, SlotRelease>(settleMs, async () => null),
    },
  };
}

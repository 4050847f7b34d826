/**
 * Appointments in a document of 1C, if the mapping has one. Standard configurations have neither appointments nor slots: hours and
 * services come from a setting.
 */
import type { z } from 'zod';
import { jsonText } from '../../../config/settings.ts';
import { PersonName } from '../../../contracts/common.ts';
import type { AppointmentRow } from '../../booking/own-calendar.ts';
import type { Booking } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { unsupportedBooking } from '../../booking/unsupported.ts';
import { bufferMs, Schedule, type VendorAppointments, vendorCalendar, wholeSpan } from '../../booking/vendor-calendar.ts';
import type { Deps } from '../../deps.ts';
import { mostListed, type OnecRecord } from './client.ts';
import { onecCrm, onecParts, onecSettings } from './crm.ts';
import { emptyKey, isKey, literal, localTime, timeFrom } from './odata.ts';

export const onecBookingSettings = onecSettings.extend({
  ONEC_SCHEDULE: jsonText(Schedule.omit({ timeZone: true }))
    .optional()
    .describe(
      'Services and hours as JSON, in the zone of the infobase; usually ONEC_SCHEDULE_FILE. Booking also requires appointments and employees in ONEC_MAPPING.',
    ),
});

const dayMs = 86_400_000;

export function onecBooking(options: z.output<typeof onecBookingSettings>, deps: Pick<Deps, 'http' | 'now'>): Booking {
  const { ONEC_SETTLE_MS: settleMs, ONEC_TIME_ZONE: timeZone } = options;
  const { mapping, client, records, contacts } = onecParts(options, deps);
  const { appointments: section, employees } = mapping;
  if (section === undefined || employees === undefined || options.ONEC_SCHEDULE === undefined)
    return unsupportedBooking('onec', '1C without appointments');
  const schedule: Schedule = { ...options.ONEC_SCHEDULE, timeZone };
  const { entity, status } = section;
  const crm = onecCrm(options, deps);
  const local = (ms: number) => localTime(ms, timeZone);
  const textAt = (record: OnecRecord, attribute: string | undefined) => {
    const value = attribute === undefined ? undefined : record[attribute];
    return typeof value === 'string' && value !== '' && value !== emptyKey ? value : null;
  };
  const rowFrom = (record: OnecRecord): AppointmentRow => ({
    appointmentId: record.Ref_Key,
    clientId: textAt(record, section.contact),
    clientName: null,
    phoneNumber: null,
    serviceIds: (textAt(record, section.services) ?? '').split(',').filter((id) => id !== ''),
    employeeId: textAt(record, section.employee) ?? '',
    start: timeFrom(record[section.start], timeZone) ?? 0,
    durationMinutes: Math.max(0, Math.round(Number(record[section.durationMinutes]) || 0)),
    status: record[status.attribute] === status.cancelled || record.DeletionMark === true ? 'cancelled' : 'booked',
    comment: commentIn(textAt(record, section.comment)),
  });
  const within = (span: Interval, more: readonly string[], signal: AbortSignal): Promise<readonly OnecRecord[]> =>
    wholeSpan(span, mostListed, ({ from, to }) => {
      const times = [`${section.start} ge ${literal.time(local(from))}`, `${section.start} lt ${literal.time(local(to))}`];
      return client.list(entity, { filter: [...times, 'DeletionMark eq false', ...more].join(' and ') }, signal);
    });
  const spanOf = ({ start, durationMinutes }: AppointmentRow): Interval => ({ from: start, to: start + durationMinutes * 60_000 });

  const appointments: VendorAppointments = {
    async employees(signal) {
      const where = Object.entries(employees.where).map(([attribute, value]) => `${attribute} eq ${literal.of(value)}`);
      const found = await client.list(employees.entity, { filter: ['DeletionMark eq false', ...where].join(' and ') }, signal);
      return found
        .filter(
          (record) => record.DeletionMark !== true && Object.entries(employees.where).every(([name, value]) => record[name] === value),
        )
        .flatMap((record) => {
          const name = PersonName.safeParse(record[employees.name]).data;
          return name === undefined ? [] : [{ employeeId: record.Ref_Key, name, position: textAt(record, employees.position) }];
        });
    },
    async busy(span, employeeIds, signal) {
      const busy = new Map<string, Interval[]>(employeeIds.map((id) => [id, []]));
      for (const record of await within({ from: span.from - dayMs, to: span.to }, [], signal)) {
        const row = rowFrom(record);
        const { from, to } = spanOf(row);
        if (row.status !== 'cancelled') busy.get(row.employeeId)?.push({ from, to: to + bufferMs(schedule, row.serviceIds) });
      }
      return busy;
    },
    async overlapping(employeeId, span, signal) {
      const found = await within({ from: span.from - dayMs, to: span.to }, [`${section.employee} eq ${literal.key(employeeId)}`], signal);
      return found.flatMap((record) => {
        const row = rowFrom(record);
        const { from, to } = spanOf(row);
        const isThere = row.status !== 'cancelled' && row.employeeId === employeeId && from < span.to && to > span.from;
        // Numbers grow with each document.
        return isThere ? [{ appointmentId: row.appointmentId, from, to, age: String(record.Number ?? record.Code ?? '') }] : [];
      });
    },
    async get(appointmentId, signal) {
      const record = isKey(appointmentId) ? await client.get(entity, appointmentId, signal) : null;
      return record === null || record.DeletionMark === true ? null : rowFrom(record);
    },
    async byRef(ref, signal) {
      const record = await records.findByReference(section, ref, signal);
      const row = record === undefined ? null : rowFrom(record);
      return row?.status === 'cancelled' ? null : row;
    },
    async list(span, clientId, signal) {
      if (clientId !== undefined && !isKey(clientId)) return [];
      const found = await within(span, clientId === undefined ? [] : [`${section.contact} eq ${literal.key(clientId)}`], signal);
      return found
        .map(rowFrom)
        .filter((row) => row.start >= span.from && row.start < span.to && (clientId === undefined || row.clientId === clientId))
        .toSorted((a, b) => a.start - b.start)
        .slice(0, 501);
    },
    async create({ clientId, serviceIds, employeeId, start, durationMinutes, comment, ref }, signal) {
      if ((await records.find('contact', clientId, signal)) === null) return 'no_client';
      const { attempt } = records.effect(
        section,
        async () =>
          records.compose(
            [section.contact, clientId],
            [section.employee, employeeId],
            [section.services, serviceIds.join(',')],
            [section.start, local(start)],
            [section.durationMinutes, durationMinutes],
            [status.attribute, status.booked],
            [section.comment, comment ?? undefined],
          ),
        rowFrom,
      );
      return attempt(undefined, { ref, signal });
    },
    async move(appointmentId, { employeeId, start, durationMinutes }, signal) {
      const record = await client.get(entity, appointmentId, signal);
      if (record === null) return null;
      const to = { [section.employee]: employeeId, [section.start]: local(start), [section.durationMinutes]: durationMinutes };
      return rowFrom(await client.change(entity, record, to, signal));
    },
    async cancel(appointmentId, signal) {
      const record = isKey(appointmentId) ? await client.get(entity, appointmentId, signal) : null;
      if (record === null) return null;
      if (rowFrom(record).status === 'cancelled') return rowFrom(record);
      return rowFrom(await client.change(entity, record, { [status.attribute]: status.cancelled }, signal));
    },
    async findClients(phoneNumber, signal) {
      return (await contacts.find(phoneNumber, signal)).map((record) => {
        const { contactId, firstName, lastName, phones, email } = contacts.contactFrom(record);
        const name = [firstName, lastName].filter((each) => each !== null).join(' ');
        return { clientId: contactId, name: name === '' ? null : name, phones, email, isMasked: false };
      });
    },
    createClient: {
      async attempt({ name, phoneNumber, email }, at) {
        const [firstName = name, ...others] = name.trim().split(/\s+/);
        const person = { firstName, lastName: others.join(' ') || undefined, phoneNumber, email };
        const { contactId, created } = await crm.createContact.attempt(person, at);
        return { clientId: contactId, created };
      },
      onUnknown: {
        do: 'look_up',
        settleMs,
        async find({ ref }, signal) {
          const record = await records.findByReference(mapping.contacts, ref, signal);
          return record === undefined ? null : { clientId: record.Ref_Key, created: true };
        },
      },
    },
  };
  return vendorCalendar('onec', appointments, { schedule, settleMs, now: deps.now });
}

/** The comment without the line of the reference. */
function commentIn(text: string | null): string | null {
  const own = (text ?? '').split(/\r?\n/).filter((line) => !line.startsWith('PolyB-'));
  const comment = own.join('\n').slice(0, 4096);
  return comment === '' ? null : comment;
}

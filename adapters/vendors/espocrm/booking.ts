/**
 * EspoCRM's meetings as appointments. EspoCRM has neither services nor hours, which a setting holds, and does not check for clashes:
 * overlapping meetings of the user are searched before a meeting is made, and after.
 */

import type { z } from 'zod';
import { jsonText } from '../../../config/settings.ts';
import { lookUp } from '../../../contracts/kit/define.ts';
import { clientFrom } from '../../booking/contact-client.ts';
import type { AppointmentRow } from '../../booking/own-calendar.ts';
import type { Booking } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { bufferMs, Schedule, type VendorAppointments, vendorCalendar, wholeSpan } from '../../booking/vendor-calendar.ts';
import type { Deps } from '../../deps.ts';
import { type EspoRecord, espoClient, espoTime, timeFrom, type Where } from './client.ts';
import { espoCrm, espoSettings } from './crm.ts';
import { espoReferences, lines, textOf } from './references.ts';
import { bookingEntities, espoWebhooks } from './webhook.ts';

export const espoBookingSettings = espoSettings.extend({
  ESPOCRM_SCHEDULE: jsonText(Schedule).describe(
    'Services, hours and time zone as JSON; usually ESPOCRM_SCHEDULE_FILE. Employees are the active users of EspoCRM.',
  ),
});

const statuses = { Planned: 'booked', Held: 'arrived', 'Not Held': 'cancelled' } as const satisfies Record<
  string,
  AppointmentRow['status']
>;
const serviceLine = /^PolyB-Services: (.*)$/m;
/** Users in one request for busy times. */
const usersAtOnce = 50;
const mostMeetings = 1000;

export function espoBooking(options: z.output<typeof espoBookingSettings>, deps: Pick<Deps, 'http' | 'log' | 'now'>): Booking {
  const { ESPOCRM_SCHEDULE: schedule, ESPOCRM_SETTLE_MS: settleMs } = options;
  const espo = espoClient({
    http: deps.http,
    url: options.ESPOCRM_URL,
    apiKey: options.ESPOCRM_API_KEY,
    secretKey: options.ESPOCRM_SECRET_KEY,
  });
  const crm = espoCrm(options, deps);
  const { withReference, findByReference } = espoReferences(espo, options.ESPOCRM_REFERENCE_FIELD);
  const time = (ms: number) => espoTime(new Date(ms));
  const before = (ms: number): Where => ({ type: 'lessThan', attribute: 'dateStart', value: time(ms) });

  async function meetings(userIds: readonly string[], span: Interval, signal: AbortSignal): Promise<readonly EspoRecord[]> {
    const found = await wholeSpan(span, mostMeetings, ({ from, to }) => {
      const where: Where[] = [
        { type: 'in', attribute: 'assignedUserId', value: userIds },
        { type: 'greaterThanOrEquals', attribute: 'dateEnd', value: time(from) },
        before(to),
      ];
      return espo.list('Meeting', where, { orderBy: 'dateStart', most: mostMeetings }, signal);
    });
    return found.filter((record) => rowFrom(record).status !== 'cancelled' && userIds.includes(String(record.assignedUserId)));
  }
  const spanOf = (record: EspoRecord): Interval => ({ from: msOf(record.dateStart), to: msOf(record.dateEnd) });

  const appointments: VendorAppointments = {
    async employees(signal) {
      const users = await espo.list(
        'User',
        [
          { type: 'equals', attribute: 'type', value: 'regular' },
          { type: 'isTrue', attribute: 'isActive' },
        ],
        { most: 500 },
        signal,
      );
      return users
        .filter(({ type, isActive }) => type === 'regular' && isActive === true)
        .map(({ id, name, userName, title }) => ({
          employeeId: id,
          name: (textOf(name) ?? textOf(userName) ?? id).slice(0, 100),
          position: textOf(title)?.slice(0, 200) ?? null,
        }));
    },
    async busy(span, employeeIds, signal) {
      const busy = new Map<string, Interval[]>(employeeIds.map((id) => [id, []]));
      for (let nth = 0; nth < employeeIds.length; nth += usersAtOnce) {
        const ids = employeeIds.slice(nth, nth + usersAtOnce);
        // A meeting before the span may reach into it with the time that stays free after it.
        const reach = { from: span.from - 86_400_000, to: span.to };
        const ranges = await espo.busyRanges(ids, { from: time(span.from), to: time(span.to) }, signal);
        for (const id of ids)
          for (const { dateStart, dateEnd } of ranges[id] ?? []) busy.get(id)?.push({ from: msOf(dateStart), to: msOf(dateEnd) });
        for (const record of await meetings(ids, reach, signal)) {
          const { from, to } = spanOf(record);
          busy.get(String(record.assignedUserId))?.push({ from, to: to + bufferMs(schedule, rowFrom(record).serviceIds) });
        }
      }
      return busy;
    },
    async overlapping(employeeId, span, signal) {
      return (await meetings([employeeId], span, signal))
        .map((record) => ({ appointmentId: record.id, ...spanOf(record), age: String(record.createdAt) }))
        .filter(({ from, to }) => from < span.to && to > span.from);
    },
    async get(appointmentId, signal) {
      const record = await espo.get('Meeting', appointmentId, signal);
      return record === null ? null : rowFrom(record);
    },
    async byRef(ref, signal) {
      const record = await findByReference('Meeting', ref, signal);
      const row = record === undefined ? null : rowFrom(record);
      return row?.status === 'cancelled' ? null : row;
    },
    async list({ from, to }, clientId, signal) {
      const path = clientId === undefined ? 'Meeting' : (`Contact/${encodeURIComponent(clientId)}/meetings` as const);
      const where: Where[] = [{ type: 'greaterThanOrEquals', attribute: 'dateStart', value: time(from) }, before(to)];
      const found = await espo.list(path, where, { orderBy: 'dateStart', most: 501 }, signal);
      return found
        .map((record) => ({ ...rowFrom(record), ...(clientId !== undefined && { clientId }) }))
        .filter((row) => row.start >= from && row.start < to)
        .toSorted((a, b) => a.start - b.start);
    },
    async create({ clientId, serviceIds, employeeId, start, durationMinutes, comment, ref }, signal) {
      const contact = await espo.get('Contact', clientId, signal);
      if (contact === null) return 'no_client';
      const names = serviceIds.map((id) => schedule.services.find(({ serviceId }) => serviceId === id)?.name ?? id);
      const attributes = {
        name: `${names.join(', ')}: ${textOf(contact.name) ?? clientId}`.slice(0, 255),
        status: 'Planned',
        dateStart: time(start),
        dateEnd: time(start + durationMinutes * 60_000),
        parentType: 'Contact',
        parentId: clientId,
        contactsIds: [clientId],
        usersIds: [employeeId],
        assignedUserId: employeeId,
        description: lines(comment, `PolyB-Services: ${serviceIds.join(',')}`),
      };
      // EspoCRM has no duplicate check of meetings; the header spares an administrator's own one.
      const answer = await espo.create('Meeting', withReference('Meeting', attributes, ref), { signal, skipDuplicateCheck: true });
      const [record] = 'made' in answer ? [answer.made] : answer.duplicates;
      return record === undefined ? 'no_client' : rowFrom(record);
    },
    async move(appointmentId, { employeeId, start, durationMinutes }, signal) {
      const attributes = {
        dateStart: time(start),
        dateEnd: time(start + durationMinutes * 60_000),
        assignedUserId: employeeId,
        usersIds: [employeeId],
      };
      return rowFrom(await espo.update('Meeting', appointmentId, attributes, signal));
    },
    async cancel(appointmentId, signal) {
      if ((await espo.get('Meeting', appointmentId, signal)) === null) return null;
      return rowFrom(await espo.update('Meeting', appointmentId, { status: 'Not Held' }, signal));
    },
    async findClients(phoneNumber, signal) {
      return (await crm.findContacts(phoneNumber, signal)).map(clientFrom);
    },
    createClient: {
      async attempt({ name, phoneNumber, email }, at) {
        const [firstName = name, ...others] = name.trim().split(/\s+/);
        const lastName = others.join(' ') || undefined;
        const { contactId, created } = await crm.createContact.attempt({ firstName, lastName, phoneNumber, email }, at);
        return { clientId: contactId, created };
      },
      onUnknown: lookUp(settleMs, async ({ ref }, signal) => {
        const record = await findByReference('Contact', ref, signal);
        return record === undefined ? null : { clientId: record.id, created: true };
      }),
    },
  };
  return {
    ...vendorCalendar('espocrm', appointments, { schedule, settleMs, now: deps.now }),
    webhooks: espoWebhooks(options.ESPOCRM_WEBHOOK_SECRETS, bookingEntities),
  };
}

const msOf = (value: unknown): number => Date.parse(timeFrom(value));
function rowFrom(record: EspoRecord): AppointmentRow {
  const [, services = ''] = serviceLine.exec(String(record.description ?? '')) ?? [];
  const start = msOf(record.dateStart);
  return {
    appointmentId: record.id,
    clientId: record.parentType === 'Contact' ? textOf(record.parentId) : null,
    clientName: record.parentType === 'Contact' ? (textOf(record.parentName)?.slice(0, 200) ?? null) : null,
    phoneNumber: null,
    serviceIds: services.split(',').filter((id) => id !== ''),
    employeeId: String(record.assignedUserId ?? ''),
    start,
    // EspoCRM accepts an end before the start.
    durationMinutes: Math.max(0, Math.round((msOf(record.dateEnd) - start) / 60_000)),
    status: statuses[record.status as keyof typeof statuses] ?? 'booked',
    comment: commentIn(record.description),
  };
}
/** The description without the lines of this system. */
function commentIn(description: unknown): string | null {
  const own = String(description ?? '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('PolyB-'));
  return textOf(own.join('\n'))?.slice(0, 4096) ?? null;
}

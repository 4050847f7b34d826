/**
 * Appointments in amoCRM are tasks of a contact: it has no calendar, no services and no hours, which a setting holds. The due time is
 * the start, the responsible user the employee; services and length are lines of the text. Nothing refuses two at one time, so
 * overlapping ones are searched before an appointment is made, and after.
 */

import type { z } from 'zod';
import { integer, jsonText } from '../../../config/settings.ts';
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { clientFrom } from '../../booking/contact-client.ts';
import type { AppointmentRow } from '../../booking/own-calendar.ts';
import type { Booking } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import { bufferMs, Schedule, type VendorAppointments, vendorCalendar } from '../../booking/vendor-calendar.ts';
import type { Deps } from '../../deps.ts';
import { type AmoRecord, amoClient } from './client.ts';
import { amoCrm } from './crm.ts';
import { hasReferenceLine, idIn, withReferenceLine } from './records.ts';
import { amoSettings } from './settings.ts';
import { amoWebhooks, bookingEntity } from './webhook.ts';

export const amoBookingSettings = amoSettings.extend({
  AMOCRM_SCHEDULE: jsonText(Schedule).describe(
    'Services, hours and time zone as JSON; usually AMOCRM_SCHEDULE_FILE. Employees are the active users of amoCRM.',
  ),
  AMOCRM_MEETING_TYPE_ID: integer({ min: 1, max: 2_147_483_647 })
    .default(2)
    .describe('Type of tasks that are appointments: 2 is a meeting.'),
});

const minuteMs = 60_000;
/** Length of a meeting that staff made without one. */
const usualMinutes = 60;
/** The longest appointment. */
const dayMs = 86_400_000;
const mostTasks = 1250;
/** The result of a task that was cancelled; staff completes those of visits. */
const cancelled = 'PolyB: cancelled';

export function amoBooking(options: z.output<typeof amoBookingSettings>, deps: Deps): Booking {
  const { AMOCRM_SCHEDULE: schedule, AMOCRM_MEETING_TYPE_ID: typeId, AMOCRM_SETTLE_MS: settleMs } = options;
  const amo = amoClient(options, deps);
  const crm = amoCrm(options, deps);
  type Filters = readonly (readonly [name: string, value: string | number])[];

  /** Tasks that end after `from`, latest first; filters are only a help. @throws PolybError when there are too many to know all. */
  async function meetings(from: number, filters: Filters, signal: AbortSignal): Promise<readonly AmoRecord[]> {
    const query: Filters = [['filter[task_type]', typeId], ...filters, ['order[complete_till]', 'desc']];
    const isEarly = (record: AmoRecord | undefined) => record !== undefined && startOf(record) < from - dayMs;
    const found = await amo.list('tasks', 'tasks', query, { signal, until: (page) => isEarly(page.at(-1)) });
    if (found.length >= mostTasks && !isEarly(found.at(-1)))
      throw new PolybError('failed_precondition', `amoCRM has more than ${mostTasks} meetings from then on; ask for later days.`, {
        reason: 'crm_rejected',
        outcome: 'not_executed',
      });
    return found.filter((record) => record.task_type_id === typeId);
  }
  const active = async (span: Interval, filters: Filters, signal: AbortSignal): Promise<readonly AppointmentRow[]> => {
    const found = await meetings(span.from, [...filters, ['filter[is_completed]', 0]], signal);
    return found.filter(({ is_completed: isCompleted }) => isCompleted !== true).map(rowFrom);
  };
  const endOf = ({ start, durationMinutes }: AppointmentRow): number => start + durationMinutes * minuteMs;
  async function task(appointmentId: string, signal: AbortSignal): Promise<AmoRecord | undefined> {
    const id = idIn(appointmentId);
    if (id === null) return undefined;
    const found = await amo.list('tasks', 'tasks', [['filter[id][]', id]], { signal, pages: 1 });
    return found.find((record) => record.id === id && record.task_type_id === typeId);
  }

  const appointments: VendorAppointments = {
    async employees(signal) {
      const users = await amo.list('users', 'users', [], { signal });
      return users
        .filter(({ rights }) => (rights as { readonly is_active?: unknown } | undefined)?.is_active !== false)
        .map(({ id, name }) => ({ employeeId: String(id), name: textOf(name)?.slice(0, 100) ?? String(id), position: null }));
    },
    async busy(span, employeeIds, signal) {
      const busy = new Map<string, Interval[]>(employeeIds.map((id) => [id, []]));
      for (const row of await active(span, [], signal)) {
        const to = endOf(row) + bufferMs(schedule, row.serviceIds);
        if (to > span.from && row.start < span.to) busy.get(row.employeeId)?.push({ from: row.start, to });
      }
      return busy;
    },
    async overlapping(employeeId, span, signal) {
      return (await active(span, [['filter[responsible_user_id][]', employeeId]], signal))
        .filter((row) => row.employeeId === employeeId && row.start < span.to && endOf(row) > span.from)
        .map((row) => ({ appointmentId: row.appointmentId, from: row.start, to: endOf(row), age: row.appointmentId.padStart(15, '0') }));
    },
    async get(appointmentId, signal) {
      const record = await task(appointmentId, signal);
      return record === undefined ? null : rowFrom(record);
    },
    async byRef(ref, signal) {
      const newest: Filters = [
        ['filter[task_type]', typeId],
        ['order[id]', 'desc'],
      ];
      const found = await amo.list('tasks', 'tasks', newest, { signal, pages: 2 });
      const record = found.find(({ text }) => hasReferenceLine(text, ref));
      const row = record === undefined ? null : rowFrom(record);
      return row?.status === 'cancelled' ? null : row;
    },
    async list(span, clientId, signal) {
      const ofClient: Filters =
        clientId === undefined
          ? []
          : [
              ['filter[entity_type]', 'contacts'],
              ['filter[entity_id][]', clientId],
            ];
      return (await meetings(span.from, ofClient, signal))
        .map(rowFrom)
        .filter((row) => row.start >= span.from && row.start < span.to && (clientId === undefined || row.clientId === clientId))
        .toSorted((a, b) => a.start - b.start)
        .slice(0, 501);
    },
    async create({ clientId, serviceIds, employeeId, start, durationMinutes, comment, ref }, signal) {
      const contactId = idIn(clientId);
      if (contactId === null || (await amo.get(`contacts/${contactId}`, [], signal)) === null) return 'no_client';
      const names = serviceIds.map((id) => schedule.services.find(({ serviceId }) => serviceId === id)?.name ?? id);
      const text = withReferenceLine(ref, names.join(', '), comment ?? undefined, ...linesOf({ serviceIds, durationMinutes }));
      const attributes = {
        text,
        complete_till: start / 1000,
        task_type_id: typeId,
        entity_id: contactId,
        entity_type: 'contacts',
        responsible_user_id: Number(employeeId),
      };
      return rowFrom({ ...attributes, id: await amo.create('tasks', 'tasks', attributes, signal) });
    },
    async move(appointmentId, to, signal) {
      const record = await task(appointmentId, signal);
      if (record === undefined) return null;
      const kept = String(record.text)
        .split(/\r?\n/)
        .filter((line) => !ownLine.test(line));
      const changes = {
        text: [...kept, ...linesOf(to)].join('\n'),
        complete_till: to.start / 1000,
        responsible_user_id: Number(to.employeeId),
      };
      await amo.update(`tasks/${record.id}`, changes, signal);
      return rowFrom({ ...record, ...changes });
    },
    async cancel(appointmentId, signal) {
      const record = await task(appointmentId, signal);
      if (record === undefined) return null;
      const changes = { is_completed: true, result: { text: cancelled } };
      if (rowFrom(record).status !== 'cancelled') await amo.update(`tasks/${record.id}`, changes, signal);
      return rowFrom({ ...record, ...changes });
    },
    async findClients(phoneNumber, signal) {
      return (await crm.findContacts(phoneNumber, signal)).map(clientFrom);
    },
    createClient: {
      async attempt({ name, phoneNumber, email }, at) {
        const { contactId, created } = await crm.createContact.attempt({ ...namesOf(name), phoneNumber, email }, at);
        return { clientId: contactId, created };
      },
      onUnknown: lookUp(settleMs, async ({ ref, input, attemptedAt }: Parameters<ClientFind>[0], signal) => {
        const { onUnknown } = crm.createContact;
        const { name, phoneNumber, email } = input;
        if (onUnknown.do !== 'look_up') return null;
        const found = await onUnknown.find({ ref, input: { ...namesOf(name), phoneNumber, email }, attemptedAt }, signal);
        return found === null ? null : { clientId: found.contactId, created: true };
      }),
    },
  };
  return {
    ...vendorCalendar('amocrm', appointments, { schedule, settleMs, now: deps.now }),
    webhooks: amoWebhooks(options, bookingEntity),
  };
}
type ClientFind = Extract<Booking['createClient']['onUnknown'], { readonly do: 'look_up' }>['find'];

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
function namesOf(name: string): { readonly firstName: string; readonly lastName: string | undefined } {
  const [firstName = name, ...others] = name.trim().split(/\s+/);
  return { firstName, lastName: others.join(' ') || undefined };
}

const ownLine = /^PolyB-(?:Services|Minutes): /;
const linesOf = ({ serviceIds, durationMinutes }: Pick<AppointmentRow, 'serviceIds' | 'durationMinutes'>): readonly string[] => [
  `PolyB-Services: ${serviceIds.join(',')}`,
  `PolyB-Minutes: ${durationMinutes}`,
];
const startOf = ({ complete_till: due }: AmoRecord): number => (typeof due === 'number' ? due * 1000 : 0);

function rowFrom(record: AmoRecord): AppointmentRow {
  const text = String(record.text ?? '');
  const [, services = ''] = /^PolyB-Services: (.*)$/m.exec(text) ?? [];
  const [, minutes] = /^PolyB-Minutes: (\d{1,4})$/m.exec(text) ?? [];
  // `duration` is in seconds, and 0 where staff gave none.
  const stated = typeof record.duration === 'number' && record.duration > 0 ? Math.ceil(record.duration / 60) : usualMinutes;
  // `[]` without a result.
  const { text: result } = (record.result ?? {}) as { readonly text?: unknown };
  const [, ...notes] = text.split(/\r?\n/).filter((line) => !line.startsWith('PolyB-'));
  return {
    appointmentId: String(record.id),
    clientId: record.entity_type === 'contacts' ? String(record.entity_id) : null,
    clientName: null,
    phoneNumber: null,
    serviceIds: services.split(',').filter((id) => id !== ''),
    employeeId: String(record.responsible_user_id ?? ''),
    start: startOf(record),
    durationMinutes: minutes === undefined ? Math.min(stated, 1440) : Number(minutes),
    status: record.is_completed !== true ? 'booked' : result === cancelled ? 'cancelled' : 'arrived',
    comment: textOf(notes.join('\n'))?.slice(0, 4096) ?? null,
  };
}

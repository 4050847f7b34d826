/** Tools that change nothing. */
import { z } from 'zod';
import { zoneOf } from '../../../adapters/booking/zone.ts';
import { booking } from '../../../contracts/booking.ts';
import { Day, Id, Phone } from '../../../contracts/common.ts';
import { weekdayName } from '../days/labels.ts';
import { type ParsedDay, parseDay, type TimeOfDay } from '../days/parse-day.ts';
import type { KnownAppointment, MadeAppointment, OfferedSlot } from '../rows/sessions.ts';
import { moneyText } from '../said.ts';
import { refused, type Tool, type ToolContext, type ToolResult, tool } from './tool.ts';

const none = 'none';
const mostShown = 40;
/** Slots that are read for one question, and those that are offered. */
const [mostRead, mostOffered] = [400, 40];

export const serviceNames = ({ company }: Pick<ToolContext, 'company'>, ids: readonly string[]): readonly string[] =>
  ids.map((id) => company.services.find(({ serviceId }) => serviceId === id)?.name ?? id);
/** `2026-12-01T18:30:00+03:00` as date, weekday and time. */
export function partsOf(start: string, language: 'ru' | 'en'): { readonly date: string; readonly weekday: string; readonly time: string } {
  const date = start.slice(0, 10);
  return { date, weekday: weekdayName(date, language), time: start.slice(11, 16) };
}
export function shownSlot({ slot, services, employee, start }: OfferedSlot, language: 'ru' | 'en'): Readonly<Record<string, unknown>> {
  return { slot, ...partsOf(start, language), employee, service: services.join(', ') };
}
export function shownAppointment(of: KnownAppointment, language: 'ru' | 'en'): Readonly<Record<string, unknown>> {
  return { appointment: of.appointment, service: of.services.join(', '), employee: of.employee, ...partsOf(of.start, language) };
}
const away = (): ToolResult =>
  refused('failed', 'The booking system cannot be reached now: services and times are unknown. Say so, and offer a person.');

const getServices = tool({
  name: 'get_services',
  of: booking.list_services,
  hint: 'Use the ids in `service` with the other tools.',
  input: z.strictObject({ query: z.string().max(100).optional() }),
  policy: 'auto',
  isWrite: false,
  states: 'all',
  async run({ query }, { company }) {
    if (!company.isReachable) return away();
    const asked = query?.toLowerCase().trim() ?? '';
    const matching = company.services.filter(({ name, category }) => `${name} ${category ?? ''}`.toLowerCase().includes(asked));
    const shown = (matching.length === 0 ? company.services : matching).slice(0, mostShown);
    return {
      outcome: 'done',
      result: {
        services: shown.map(({ serviceId, name, category, durationMinutes, price }) => ({
          service: serviceId,
          name,
          category,
          minutes: durationMinutes,
          price: price === null ? null : moneyText(price.from),
        })),
        ...(shown.length === 0 ? { note: `${none}: the company offers no service that can be booked` } : {}),
        ...(matching.length === 0 && shown.length > 0 && asked !== '' ? { note: `${none} matches "${asked}"; these are all` } : {}),
      },
    };
  },
});

const getEmployees = tool({
  name: 'get_employees',
  of: booking.list_employees,
  hint: 'Of all services, or of one.',
  input: z.strictObject({ service: Id.optional() }),
  policy: 'auto',
  isWrite: false,
  states: 'all',
  async run({ service }, context) {
    const { call, settings } = context;
    const { employees } = await call(booking.list_employees, {
      connection: settings.DIALOG_CONNECTION,
      ...(service === undefined ? {} : { serviceId: service }),
    });
    return {
      outcome: 'done',
      result: {
        employees: employees.slice(0, mostShown).map(({ employeeId, name, position, serviceIds }) => ({
          employee: employeeId,
          name,
          position,
          services: serviceIds === null ? null : serviceNames(context, serviceIds),
        })),
        ...(employees.length === 0 ? { note: `${none} can be booked` } : {}),
      },
    };
  },
});

const getAvailableSlots = tool({
  name: 'get_available_slots',
  of: booking.get_free_slots,
  hint: 'The customer is shown the times as buttons: do not list them in the text. Give the day in the customer’s own words, or a date of the calendar.',
  input: z.strictObject({
    services: z.array(Id).min(1).max(5),
    employee: Id.optional(),
    date: Day.optional(),
    day: z.string().min(1).max(200).optional().describe('The customer’s own words about day and time.'),
  }),
  policy: 'auto',
  isWrite: false,
  states: 'all',
  async run({ services, employee, date, day }, context) {
    const { company, settings, call, memory, session, now } = context;
    if (!company.isReachable) return away();
    const unknown = services.filter((id) => !company.services.some(({ serviceId }) => serviceId === id));
    if (unknown.length > 0) return refused('not_known', `There is no service ${unknown.join(', ')}; use ids of get_services.`);
    const today = zoneOf(company.timeZone).dayOf(now);
    const asked =
      date === undefined && day !== undefined ? parseDay(day, { now, timeZone: company.timeZone, language: session.language }) : null;
    if (asked !== null && 'miss' in asked && asked.miss !== 'none') return misunderstood(asked);
    if (date !== undefined && date < today) return refused('bad_arguments', `${date} is in the past; today is ${today}.`);
    const span = spanOf(asked, date ?? null, today);
    const found = await call(booking.get_free_slots, {
      connection: settings.DIALOG_CONNECTION,
      serviceIds: [...services],
      ...(employee === undefined ? {} : { employeeId: employee }),
      from: span.from,
      days: span.days,
      limit: mostRead,
    });
    const fitting = found.slots.filter(({ start }) => isWithin(start.slice(11, 16), span.time));
    const chosen = spread(fitting, mostOffered);
    if (chosen.length === 0) {
      const elsewhere = found.slots.length > 0 ? 'none at this time of day; other times are free' : 'none on these days';
      return {
        outcome: 'done',
        result: { slots: [], note: elsewhere, from: span.from, days: span.days },
        remember: { offered: [], chosen: services },
      };
    }
    const offered: OfferedSlot[] = chosen.map((slot, n) => ({
      slot: `s${memory.named + n + 1}`,
      slotId: slot.slotId,
      services: serviceNames(context, slot.serviceIds),
      employee: slot.employeeName,
      start: slot.start,
      price: slot.price,
    }));
    return {
      outcome: 'done',
      result: { slots: offered.map((each) => shownSlot(each, session.language)), note: 'The customer sees these times as buttons.' },
      remember: { offered, chosen: services, named: memory.named + offered.length },
      asks: [{ is: 'offer_slots', slots: offered }],
    };
  },
});

function misunderstood(asked: Extract<ParsedDay, { miss: string }>): ToolResult {
  switch (asked.miss) {
    case 'past':
      return refused('bad_arguments', 'This day is in the past.', { day: asked.day });
    case 'weekday_mismatch':
      return refused('bad_arguments', 'The weekday does not fit the date. Ask the customer which one they mean.', {
        date: asked.day,
        weekday: weekdayName(asked.day, 'en'),
        nearest: asked.nearest,
      });
    case 'no_such_day':
      return refused('bad_arguments', 'The calendar has no such day.');
    default:
      return refused('bad_arguments', 'The words can mean several days. Ask the customer which one.', {
        readings: 'readings' in asked ? asked.readings : [],
      });
  }
}
interface DaySpan {
  readonly from: string;
  readonly days: number;
  readonly time: TimeOfDay | undefined;
}
/** Without a day: the next two weeks. */
function spanOf(asked: ParsedDay | null, date: string | null, today: string): DaySpan {
  if (date !== null) return { from: date, days: 1, time: undefined };
  if (asked === null || 'miss' in asked) return { from: today, days: 14, time: asked !== null && 'time' in asked ? asked.time : undefined };
  if (typeof asked.day === 'string') return { from: asked.day, days: 1, time: asked.time };
  const { from, to } = asked.day;
  const days = Math.min(62, Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1);
  return { from, days: Math.max(1, days), time: asked.time };
}
function isWithin(time: string, { from = '00:00', to = '24:00' }: TimeOfDay = {}): boolean {
  return from === to ? time === from : time >= from && time < to;
}
/** Evenly over the days, and over each day, so that evenings are not hidden behind mornings. */
function spread<T extends { readonly start: string }>(slots: readonly T[], most: number): readonly T[] {
  const once = [...new Map(slots.map((slot) => [slot.start, slot])).values()];
  if (once.length <= most) return once;
  const days = [...Map.groupBy(once, ({ start }) => start.slice(0, 10)).values()];
  const share = Math.max(1, Math.floor(most / days.length));
  return days.flatMap((day) => evenly(day, share)).slice(0, most);
}
function evenly<T>(all: readonly T[], n: number): readonly T[] {
  return all.length <= n ? all : Array.from({ length: n }, (_, at) => all[Math.round((at * (all.length - 1)) / Math.max(1, n - 1))] as T);
}

const notProved =
  'The phone of the customer is not proved, so nothing of its owner can be shown or changed. The customer is asked to share their own contact; do not ask for anything else.';

const getClientAppointments = tool({
  name: 'get_client_appointments',
  of: booking.list_appointments,
  hint: 'Of the customer of this conversation.',
  input: z.strictObject({}),
  policy: 'auto',
  isWrite: false,
  states: 'all',
  run: (_, context) => ownAppointments(context),
});

/** The upcoming appointments of the customer: all of a proved phone, else those that this session made. */
export async function ownAppointments(context: ToolContext): Promise<ToolResult> {
  const { session, memory, now } = context;
  const isProved = session.phoneProof === 'proved';
  const made = memory.made ?? [];
  if (!isProved && made.length === 0) return { ...refused('not_allowed', notProved), asks: [{ is: 'prove_phone' }] };
  const found = isProved && memory.clientId !== null ? await appointmentsOf(memory.clientId, context) : await madeHere(made, context);
  const upcoming = found.filter(({ start, status }) => Date.parse(start) > now && (status === 'booked' || status === 'confirmed'));
  const known: KnownAppointment[] = upcoming.slice(0, 20).map((of, n) => ({
    appointment: `a${memory.named + n + 1}`,
    appointmentId: of.appointmentId,
    clientId: of.clientId as string,
    services: serviceNames(context, of.serviceIds),
    serviceIds: of.serviceIds,
    employee: of.employeeName,
    start: of.start,
  }));
  const whose = isProved
    ? 'These are the customer’s own appointments.'
    : 'These were made in this conversation; others are shown once the phone is proved.';
  return {
    outcome: 'done',
    result: {
      appointments: known.map((each) => shownAppointment(each, session.language)),
      note: known.length === 0 ? `${none} are booked` : whose,
    },
    remember: { appointments: known, named: memory.named + known.length },
  };
}
async function appointmentsOf(clientId: string, { call, settings, company, now }: ToolContext) {
  const from = zoneOf(company.timeZone).dayOf(now);
  const { appointments } = await call(booking.list_appointments, { connection: settings.DIALOG_CONNECTION, clientId, from, days: 62 });
  return appointments.filter((each) => each.clientId === clientId);
}
async function madeHere(made: readonly MadeAppointment[], { call, settings }: ToolContext) {
  const latest = [...new Map(made.map((each) => [each.appointmentId, each])).values()].slice(-5);
  const read = await Promise.all(
    latest.map(async ({ appointmentId, clientId }) => {
      const { appointment } = await call(booking.get_appointment, { connection: settings.DIALOG_CONNECTION, appointmentId });
      return appointment.clientId === clientId ? [appointment] : [];
    }),
  );
  return read.flat();
}

const getClientByPhone = tool({
  name: 'get_client_by_phone',
  of: booking.find_client,
  hint: 'Only tells whether the proved phone of this conversation belongs to a client. Another phone is only noted as stated by the customer.',
  input: z.strictObject({ phone: Phone }),
  policy: 'auto',
  isWrite: false,
  states: 'all',
  async run({ phone }, { session, memory }) {
    if (session.phoneProof === 'proved' && session.phone === phone)
      return { outcome: 'done', result: { isClient: memory.clientId !== null, name: session.name } };
    return { ...refused('not_allowed', notProved), asks: [{ is: 'prove_phone' }] };
  },
});

export const readTools: readonly Tool[] = [getServices, getEmployees, getAvailableSlots, getClientAppointments, getClientByPhone];

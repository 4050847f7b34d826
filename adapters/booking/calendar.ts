/** The built-in calendar: free slots of a company, from its hours and the appointments that it has. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Company, Days, Employee, FreeSlot } from './port.ts';
import { freeStarts, type Interval } from './schedule.ts';
import { addDays, daysFrom, weekdayOf, type Zone, zoneOf } from './zone.ts';

type Worker = Company['employees'][number];

/** Intervals that an employee is busy, with the buffers of the appointments. */
export type BusyTimes = ReadonlyMap<string, readonly Interval[]>;
/** What is booked together. */
export interface Visit {
  readonly serviceIds: readonly string[];
  readonly durationMinutes: number;
  readonly bufferMinutes: number;
  readonly price: FreeSlot['price'];
}

const minuteMs = 60_000;
const zones = new Map<string, Zone>();
/** Zones keep the edges of their days, so each is made once. */
export function knownZone(name: string): Zone {
  const zone = zones.get(name) ?? zoneOf(name);
  zones.set(name, zone);
  return zone;
}

/** @throws PolybError not_found/unknown_service */
export function visitOf({ services }: Company, serviceIds: readonly string[]): Visit {
  const chosen = serviceIds.map((id) => {
    const service = services.find(({ serviceId }) => serviceId === id);
    if (service === undefined)
      throw new PolybError('not_found', `The calendar has no service ${id}; list_services shows what there is.`, {
        reason: 'unknown_service',
      });
    return service;
  });
  const prices = chosen.flatMap(({ price }) => price ?? []);
  const [first] = prices;
  const isPriced = first !== undefined && prices.length === chosen.length && prices.every(({ currency }) => currency === first.currency);
  return {
    serviceIds,
    durationMinutes: chosen.reduce((sum, { durationMinutes }) => sum + durationMinutes, 0),
    bufferMinutes: chosen.at(-1)?.bufferMinutes ?? 0,
    price: isPriced ? { amountMinor: prices.reduce((sum, { amountMinor }) => sum + amountMinor, 0), currency: first.currency } : null,
  };
}
export function workersFor({ employees }: Company, serviceIds: readonly string[], employeeId?: string): readonly Worker[] {
  return employees.filter(
    (each) => (employeeId === undefined || each.employeeId === employeeId) && serviceIds.every((id) => each.serviceIds.includes(id)),
  );
}
/** The days on which a company offers slots, out of `days`, in Unix ms. */
export function spanOf(company: Company, { from, days }: Days, now: number): Interval {
  const zone = knownZone(company.timeZone);
  const last = zone.at(addDays(zone.dayOf(now), company.horizonDays), 0);
  return { from: Math.max(zone.at(from, 0), now), to: Math.min(zone.at(addDays(from, days), 0), last) };
}
/** Slots of a visit inside a span, earliest first; of one time in the order of the employees. */
export function slotsOf(
  company: Company,
  visit: Visit,
  {
    span,
    busy,
    now,
    employeeId,
  }: { readonly span: Interval; readonly busy: BusyTimes; readonly now: number; readonly employeeId?: string | undefined },
): readonly FreeSlot[] {
  if (span.to <= span.from) return [];
  const zone = knownZone(company.timeZone);
  const found = workersFor(company, visit.serviceIds, employeeId).flatMap((worker, rank) =>
    freeStarts(openOf(company, worker, span), busy.get(worker.employeeId) ?? [], {
      durationMs: visit.durationMinutes * minuteMs,
      bufferMs: visit.bufferMinutes * minuteMs,
      stepMs: company.stepMinutes * minuteMs,
      notBefore: Math.max(span.from, now + company.noticeMinutes * minuteMs),
      notAfter: span.to,
    }).map((start) => ({ start, rank, worker })),
  );
  return found
    .toSorted((a, b) => a.start - b.start || a.rank - b.rank)
    .map(({ start, worker }) => ({
      start: zone.iso(start),
      durationMinutes: visit.durationMinutes,
      employeeId: worker.employeeId,
      employeeName: worker.name,
      serviceIds: [...visit.serviceIds],
      price: visit.price,
      value: null,
    }));
}
/** When an employee works, on every day that touches the span. */
function openOf(
  { timeZone, holidays }: Company,
  { timeZone: own, hours, exceptions }: Worker,
  { from, to }: Interval,
): readonly Interval[] {
  const zone = knownZone(own ?? timeZone);
  const first = addDays(zone.dayOf(from), -1);
  const count = Math.ceil((to - from) / 86_400_000) + 3;
  const closed = new Set(holidays);
  const special = new Map(exceptions.map((each) => [each.day, each.hours]));
  return daysFrom({ from: first, days: count }).flatMap((day) => {
    if (closed.has(day)) return [];
    const weekday = weekdayOf(day);
    const open = special.get(day) ?? hours.filter((each) => each.weekday === weekday);
    // Hours that the change of the clocks repeats count once: no start has a clock time outside of them.
    return open.map((each) => ({ from: zone.at(day, minutesOf(each.from), 'second'), to: zone.at(day, minutesOf(each.to), 'first') }));
  });
}
function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
export function employeesOf({ employees }: Company, serviceId?: string): readonly Employee[] {
  return employees
    .filter(({ serviceIds }) => serviceId === undefined || serviceIds.includes(serviceId))
    .map(({ employeeId, name, position, serviceIds }) => ({ employeeId, name, position: position ?? null, serviceIds: [...serviceIds] }));
}

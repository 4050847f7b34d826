/** What the agent knows about the company, read again every minute, or sooner if the booking system was away. */
import type { Call } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';

export type BookableService = OutputOf<typeof booking.list_services>['services'][number];
export interface Company {
  readonly name: string;
  readonly address: string | null;
  readonly phone: string | null;
  readonly greeting: string | null;
  /** Opening hours in words, a line per day or range. */
  readonly hours: readonly { readonly weekday: number; readonly from: string; readonly to: string }[];
  readonly timeZone: string;
  readonly services: readonly BookableService[];
  /** Empty if the booking system cannot be reached. */
  readonly isReachable: boolean;
}
/** How long what was read is used; a booking system that is away is not waited for in every turn. */
const [freshMs, awayMs] = [60_000, 10_000];
/** Customers wait for the reply meanwhile. */
const timeoutMs = 4_000;

export function companyFacts({
  connection,
  timeZone,
  now,
}: {
  readonly connection: string;
  readonly timeZone: string;
  readonly now: () => number;
}): (call: Call) => Promise<Company> {
  let known: { readonly until: number; readonly company: Company } | null = null;
  const absent = (error: unknown): null => {
    if (isPolybError(error)) return null;
    throw error;
  };
  return async (call) => {
    if (known !== null && now() < known.until) return known.company;
    const [own, offered] = await Promise.all([
      call(company.get, { connection }, { timeoutMs }).catch(absent),
      call(booking.list_services, { connection }, { timeoutMs }).catch(absent),
    ]);
    const of = own?.company ?? null;
    const made: Company = {
      name: of?.name ?? '',
      address: of?.address ?? null,
      phone: of?.phoneNumber ?? null,
      greeting: of?.greeting ?? null,
      hours: of?.openingHours ?? [],
      timeZone: of?.timeZone ?? timeZone,
      services: offered?.services ?? [],
      isReachable: offered !== null,
    };
    known = { until: now() + (made.isReachable ? freshMs : awayMs), company: made };
    return made;
  };
}

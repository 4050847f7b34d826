import type { z } from 'zod';
import type { Call } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import { allDay, type Hours, parseHours } from './hours.ts';
import type { callSettings } from './settings.ts';

/** Limits on calls, independent of callers. */
export interface Policy {
  readonly hours: Hours;
  readonly attemptsPerDay: number;
  readonly timeZone: string;
}
/** How long the kind of the gateway is cached. */
const rememberMs = 60_000;

/** The current limits. Unless they are set, a simulated gateway is practically unlimited, since it rings no phones. */
export function policySource(settings: z.output<typeof callSettings>, call: Call, now: () => number): () => Promise<Policy> {
  let known: { readonly isSimulated: Promise<boolean>; readonly until: number } | undefined;
  const isSimulated = (): Promise<boolean> => {
    if (known === undefined || known.until <= now()) {
      const asked = call(telephony.capabilities, {}, { retry: false }).then((gateway) => gateway.isSimulated);
      known = { isSimulated: asked, until: now() + rememberMs };
      asked.catch(() => (known = undefined));
    }
    return known.isSimulated.catch(() => false); // A gateway that does not reply may be a real one.
  };
  return async () => {
    const isSet = settings.CALL_HOURS !== undefined && settings.CALL_ATTEMPTS_PER_DAY !== undefined;
    const usual = !isSet && (await isSimulated()) ? { hours: '00:00-24:00', attempts: 1000 } : { hours: '09:00-21:00', attempts: 3 };
    return {
      hours: parseHours(settings.CALL_HOURS ?? usual.hours) ?? allDay, // The settings schema has already rejected invalid hours.
      attemptsPerDay: settings.CALL_ATTEMPTS_PER_DAY ?? usual.attempts,
      timeZone: settings.CALL_TIME_ZONE,
    };
  };
}

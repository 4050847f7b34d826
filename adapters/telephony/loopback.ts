/**
 * Telephony within one process, with audio: a scripted person answers each call. It exercises everything above the network; a leg ends with
 * its process.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { text } from '../../config/settings.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Deps } from '../deps.ts';
import { playFarEnd, readFarEnd, silentFarEnd } from './far-end.ts';
import { createFrameClock } from './frame-clock.ts';
import { createLoopbackLeg, type FarPhone, type LoopbackLeg } from './loopback-leg.ts';
import type { LegHost, Telephony } from './port.ts';

export const loopbackSettings = z.object({
  TELEPHONY_FAR_END: text()
    .optional()
    .describe('A JSON file that scripts the person at the phone: ringMs, answer, acts. Default: they answer and say nothing.'),
});

export type Loopback = Telephony &
  Required<Pick<Telephony, 'start' | 'leg' | 'trunks'>> & {
    /** Makes an inbound call. Resolves when the service knows the call. */
    call(from: string | null, to: string): Promise<FarPhone>;
  };

/** @param person controls each dialled phone; default: the script of the settings */
export function loopback(
  options: z.output<typeof loopbackSettings>,
  { now, log }: Pick<Deps, 'now' | 'log'>,
  person?: (phone: FarPhone) => void,
): Loopback {
  const clock = createFrameClock();
  const legs = new Map<string, LoopbackLeg>();
  const idle = new Set<() => void>();
  let host: LegHost | undefined;
  let isDraining = false;

  const script = async (phone: FarPhone): Promise<void> => {
    try {
      await playFarEnd(phone, options.TELEPHONY_FAR_END === undefined ? silentFarEnd : await readFarEnd(options.TELEPHONY_FAR_END));
    } catch (err) {
      if (phone.state !== 'ended') log.warn({ err }, 'the scripted person gave up');
      phone.hangUp();
    }
  };
  function started(): LegHost {
    if (host === undefined || isDraining) throw new PolybError('unavailable', 'This gateway accepts no calls.');
    return host;
  }
  function newLeg(of: Pick<LoopbackLeg, 'callId' | 'direction' | 'from' | 'to'>, at: LegHost): LoopbackLeg {
    const legId = `leg_${randomUUID()}`;
    const ended = (): void => {
      legs.delete(legId);
      if (legs.size === 0) for (const each of idle) each();
    };
    const leg = createLoopbackLeg({ ...of, legId, host: at, clock, now, ended });
    legs.set(legId, leg);
    return leg;
  }
  return {
    reportsEnd: true,
    isSimulated: true,
    dial: {
      async attempt({ callId, to, from = null }, { ref }) {
        const at = started();
        const leg = newLeg({ callId, direction: 'out', from, to }, at);
        if (!(await at.hold(leg, ref))) {
          legs.delete(leg.legId);
          const legId = await at.find(ref);
          if (legId === null) throw new PolybError('internal', 'The leg with this reference no longer exists.');
          return { legId, reportsEnd: true };
        }
        if (person !== undefined) person(leg.phone);
        else void script(leg.phone); // it catches every error
        return { legId: leg.legId, reportsEnd: true };
      },
      onUnknown: lookUp(0, async ({ ref }) => {
        const legId = (await host?.find(ref)) ?? null;
        return legId === null ? null : { legId, reportsEnd: true };
      }),
    },
    hangUp: () => Promise.reject(missing()),
    transfer: () => Promise.reject(missing()),
    async start(given) {
      host = given;
      return {
        drain(signal) {
          isDraining = true;
          return new Promise((resolve) => {
            if (legs.size === 0 || signal.aborted) return resolve();
            idle.add(resolve);
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        },
        async close() {
          isDraining = true;
          for (const leg of legs.values()) await leg.hangUp(AbortSignal.timeout(1_000));
        },
      };
    },
    leg: (legId) => legs.get(legId),
    trunks: () => [{ trunk: 'loopback', kind: 'loopback', state: 'ready', detail: null, legs: legs.size, maxLegs: null }],
    async call(from, to) {
      const at = started();
      const leg = newLeg({ callId: `call_${randomUUID()}`, direction: 'in', from, to }, at);
      await at.hold(leg, leg.legId);
      leg.phone.ring();
      at.offered(leg);
      return leg.phone;
    },
  };
}

function missing(): PolybError {
  return new PolybError('not_found', 'There is no leg with this id here.');
}

import { randomUUID } from 'node:crypto';
import { lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { LegGateway, LegServer } from './leg-gateway.ts';
import type { LegHost, Telephony } from './port.ts';

/** The port for a gateway with held legs: the row of a leg is written before anything is sent, and a reference dials once. */
export function heldTelephony(gateway: LegGateway): Telephony {
  let host: LegHost | undefined;
  let server: LegServer | undefined;
  const find = async ({ ref }: { ref: string }) => {
    const legId = (await host?.find(ref)) ?? null;
    return legId === null ? null : { legId, reportsEnd: true };
  };
  return {
    reportsEnd: true,
    dial: {
      async attempt(dial, { ref, signal }) {
        if (host === undefined || server === undefined)
          throw new PolybError('unavailable', 'This gateway has not started yet.', { outcome: 'not_executed' });
        const legId = `leg_${randomUUID()}`;
        const { callId, to, from = null } = dial;
        if (!(await host.hold({ legId, callId, direction: 'out', from, to }, ref))) {
          const found = await find({ ref });
          if (found === null) throw new PolybError('internal', 'The leg with this reference no longer exists.');
          return found;
        }
        try {
          await server.place(dial, { legId, signal });
        } catch (error) {
          if (Error.isError(error) && (error as { outcome?: unknown }).outcome === 'not_executed') await host.release(legId);
          throw error;
        }
        return { legId, reportsEnd: true };
      },
      onUnknown: lookUp(0, find),
    },
    hangUp: () => Promise.reject(missing()),
    transfer: () => Promise.reject(missing()),
    async start(given) {
      host = given;
      const stored = new Map<string, Promise<unknown>>();
      server = await gateway.start({
        changed(change) {
          const known = stored.get(change.legId);
          if (known === undefined) given.changed(change);
          else void known.catch(() => {}).then(() => given.changed(change));
        },
        answered: given.answered,
        ...(given.traced === undefined ? {} : { traced: given.traced }),
        saved: given.saved,
        identify: () => ({ legId: `leg_${randomUUID()}`, callId: `call_${randomUUID()}` }),
        held(leg) {
          if (leg.direction === 'in') stored.set(leg.legId, given.hold(leg, leg.legId));
        },
        async save(legId, data) {
          await stored.get(legId);
          await given.save(legId, data);
        },
        offered(leg) {
          const known = stored.get(leg.legId) ?? Promise.resolve();
          void known
            .then(() => given.offered(leg))
            .catch(given.failed)
            .finally(() => stored.delete(leg.legId));
        },
      });
      return { drain: server.drain, close: server.close };
    },
    abandon: async (legId, dialog, signal) => server?.abandon({ legId, data: dialog }, signal),
    leg: (legId) => server?.leg(legId),
    trunks: () => server?.trunks() ?? [],
  };
}

function missing(): PolybError {
  return new PolybError('not_found', 'There is no leg with this id here.');
}

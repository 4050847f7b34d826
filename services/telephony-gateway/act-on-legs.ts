/** The owned methods of legs that this process holds. */
import type { Leg, Telephony } from '../../adapters/telephony/port.ts';
import type { HandlersOf } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';

type Acts = Omit<HandlersOf<typeof telephony>, 'dial' | 'capabilities' | 'list_trunks'>;
/** Methods that legs without a holder have. */
export const actsWithoutHolder = { hang_up: telephony.hang_up, transfer: telephony.transfer } as const;
export function actOnLegs(gateway: Telephony): Acts {
  const held = (legId: string): Leg => {
    const leg = gateway.leg?.(legId);
    if (leg !== undefined) return leg;
    throw gateway.leg === undefined
      ? new PolybError('unimplemented', 'This gateway does not hold its legs: they can only be hung up and transferred.')
      : new PolybError('not_found', 'There is no leg with this id.');
  };
  return {
    answer: async ({ legId }, { signal }) => {
      await held(legId).answer(signal);
      return {};
    },
    reject: async ({ legId, cause }, { signal }) => {
      await held(legId).reject(cause, signal);
      return {};
    },
    hang_up: async ({ legId }, { signal }) => {
      await (gateway.leg?.(legId)?.hangUp(signal) ?? gateway.hangUp(legId, signal));
      return {};
    },
    hold: async ({ legId }, { signal }) => {
      await held(legId).hold(signal);
      return {};
    },
    resume: async ({ legId }, { signal }) => {
      await held(legId).resume(signal);
      return {};
    },
    transfer: async ({ legId, to }, { signal }) => {
      await (gateway.leg?.(legId)?.transfer(to, signal) ?? gateway.transfer(legId, to, signal));
      return {};
    },
    connect: async ({ legId, otherLegId }) => {
      const leg = held(legId);
      const other = gateway.leg?.(otherLegId);
      if (other === undefined || other === leg)
        throw new PolybError('failed_precondition', 'Only two legs that one instance holds can be connected.', { reason: 'other_gateway' });
      leg.connect(other);
      return {};
    },
    send_dtmf: async ({ legId, digits }) => {
      held(legId).sendDtmf(digits);
      return {};
    },
    play: async () => {
      throw new PolybError('unimplemented', 'This gateway has no sounds.');
    },
    stop: async ({ legId }) => {
      held(legId).media.clear();
      return {};
    },
    record: async () => {
      throw new PolybError('unimplemented', 'This gateway records no legs.');
    },
  };
}

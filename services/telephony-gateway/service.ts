/** Dials phones through the adapter named by TELEPHONY_KIND, and emits changes of their legs. */
import { z } from 'zod';
import { telephonyAdapters } from '../../adapters/telephony/index.ts';
import { notifier } from '../../bus/durable/notifier.ts';
import { every, service } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import { followLegs } from './follow-legs.loop.ts';

const keepLegsMs = 30 * 86_400_000;

export default service({
  serves: { telephony },
  settings: z.object({}),
  vendors: { gateway: { setting: 'TELEPHONY_KIND', catalogue: telephonyAdapters, fallback: 'simulator' } },
}).start(async ({ vendors: { gateway }, bus, now }) => {
  const { legs } = gateway;
  const placed = notifier();
  return {
    telephony: {
      dial: {
        ...gateway.dial,
        async attempt(input, at) {
          const leg = await gateway.dial.attempt(input, at);
          placed.notify();
          return leg;
        },
      },
      hang_up: async ({ legId }, { signal }) => {
        await gateway.hangUp(legId, signal);
        return {};
      },
      transfer: async ({ legId, to }, { signal }) => {
        await gateway.transfer(legId, to, signal);
        return {};
      },
      capabilities: async () => ({ isSimulated: gateway.isSimulated === true }),
    },
    loops: legs ? [followLegs(legs, { bus, now, placed }), every('forget_legs', '23 3 * * *', () => legs.forget(now() - keepLegsMs))] : [],
  };
});

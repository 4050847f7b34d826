/** Dials phones through the adapter named by TELEPHONY_KIND, and emits changes of their legs. */
import { z } from 'zod';
import { telephonyAdapters } from '../../adapters/telephony/index.ts';
import { notifier } from '../../bus/durable/notifier.ts';
import { every, service } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import { actOnLegs, actsWithoutHolder } from './act-on-legs.ts';
import { followLegs } from './follow-legs.loop.ts';
import { ownLegs } from './own-legs.ts';

const keepLegsMs = 30 * 86_400_000;

export default service({
  serves: { telephony },
  settings: z.object({}),
  vendors: { gateway: { setting: 'TELEPHONY_KIND', catalogue: telephonyAdapters, fallback: 'simulator' } },
}).start(async ({ vendors: { gateway }, bus, now }) => {
  const { legs } = gateway;
  const placed = notifier();
  const owned = ownLegs(bus, actsWithoutHolder);
  return {
    telephony: {
      dial: {
        ...gateway.dial,
        async attempt(input, at) {
          const leg = await gateway.dial.attempt(input, at);
          if (legs !== undefined) owned.own(leg.legId);
          placed.notify();
          return leg;
        },
      },
      ...actOnLegs(gateway),
      capabilities: async () => ({ isSimulated: gateway.isSimulated === true, hasMedia: gateway.start !== undefined }),
      list_trunks: async () => ({ trunks: [...(gateway.trunks?.() ?? [])] }),
    },
    loops: legs
      ? [followLegs(legs, { bus, now, placed, owned }), every('forget_legs', '23 3 * * *', () => legs.forget(now() - keepLegsMs))]
      : [],
  };
});

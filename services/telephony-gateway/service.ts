/** Connects phones through the adapter named by TELEPHONY_KIND, holds their legs, and emits their changes. */
import { beside } from '../../adapters/telephony/beside.ts';
import { heldTelephony } from '../../adapters/telephony/held-telephony.ts';
import { telephonyAdapters } from '../../adapters/telephony/index.ts';
import { type Softphones, webrtcTelephony } from '../../adapters/vendors/webrtc/telephony.ts';
import { notifier } from '../../bus/durable/notifier.ts';
import { every, service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { softphone } from '../../contracts/softphone.ts';
import { telephony } from '../../contracts/telephony.ts';
import { actOnLegs } from './act-on-legs.ts';
import { followLegs } from './follow-legs.loop.ts';
import { holdLegs } from './hold-legs.ts';
import { ownLegs } from './own-legs.ts';
import { beat, forgetLegs, hasPage } from './rows.ts';
import { telephonyGatewaySettings } from './settings.ts';
import { settleLegs } from './settle-legs.loop.ts';
import { actOnPhones, isPerson } from './softphone.ts';

const keepLegsMs = 30 * 86_400_000;
const beatMs = 1_000;

export default service({
  serves: { telephony, softphone },
  uses: [calls.route_call, calls.attend_leg],
  settings: telephonyGatewaySettings,
  vendors: { gateway: { setting: 'TELEPHONY_KIND', catalogue: telephonyAdapters, fallback: 'simulator' } },
}).start(async ({ settings, vendors, bus, db, log, metrics, now }) => {
  const { WEBRTC_LISTEN } = settings;
  let phones: Softphones | undefined;
  const browsers =
    WEBRTC_LISTEN === undefined
      ? undefined
      : webrtcTelephony(
          { ...settings, WEBRTC_LISTEN },
          { log, now, hasPage: (callee) => hasPage(db, callee.slice('person:'.length)), started: (made) => (phones = made) },
        );
  const gateway = browsers === undefined ? vendors.gateway : beside(vendors.gateway, heldTelephony(browsers), isPerson);
  const { legs } = gateway;
  const placed = notifier();
  const owned = ownLegs(bus, telephony, ...(browsers === undefined ? [] : [softphone]));
  /** Of legs that any process can act upon. */
  const pulled = ownLegs(bus, telephony);
  const holder = bus.instance;
  const { acts, forget } = actOnLegs(gateway, { metrics, log, unattendedMs: settings.TELEPHONY_UNATTENDED_MS });
  const held = holdLegs({ bus, db, owned, holder, log, ended: forget });
  const server = await gateway.start?.(held);
  // A loop would stop before the legs that go on while the instance drains.
  const beating =
    server &&
    setInterval(() => void beat(db, holder).catch((err) => log.warn({ err }, 'the legs held here could not be marked as alive')), beatMs);
  return {
    telephony: {
      dial: {
        ...gateway.dial,
        async attempt(input, at) {
          const leg = await gateway.dial.attempt(input, at);
          if (legs !== undefined && !isPerson(input.to)) pulled.own(leg.legId);
          placed.notify();
          return leg;
        },
      },
      ...acts,
      capabilities: async () => ({ isSimulated: gateway.isSimulated === true, hasMedia: vendors.gateway.start !== undefined }),
      list_trunks: async () => ({ trunks: [...(gateway.trunks?.() ?? [])] }),
    },
    softphone: actOnPhones({ db, phones: () => phones }),
    loops: [
      ...(legs
        ? [followLegs(legs, { bus, now, placed, owned: pulled }), every('forget_legs', '23 3 * * *', () => legs.forget(now() - keepLegsMs))]
        : []),
      ...(server
        ? [
            settleLegs(gateway, { bus, db, holder, now, log }),
            every('forget_held_legs', '29 3 * * *', () => forgetLegs(db, new Date(now() - keepLegsMs))),
          ]
        : []),
    ],
    async stop() {
      await server?.drain(AbortSignal.timeout(settings.TELEPHONY_DRAIN_MS));
      await server?.close();
      await held.stored();
      clearInterval(beating);
    },
  };
});

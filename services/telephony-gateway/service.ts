/** Connects phones through the adapter named by TELEPHONY_KIND, holds their legs, and emits their changes. */
import { blobAdapters } from '../../adapters/blob/index.ts';
import { beside } from '../../adapters/telephony/beside.ts';
import { heldTelephony } from '../../adapters/telephony/held-telephony.ts';
import { telephonyAdapters } from '../../adapters/telephony/index.ts';
import { type Softphones, webrtcTelephony } from '../../adapters/vendors/webrtc/telephony.ts';
import { notifier } from '../../bus/durable/notifier.ts';
import { every, service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { softphone } from '../../contracts/softphone.ts';
import { telephony } from '../../contracts/telephony.ts';
import { actOnLegs } from './act-on-legs.ts';
import { followLegs } from './follow-legs.loop.ts';
import { forgetRecordings } from './forget-recordings.ts';
import { holdLegs } from './hold-legs.ts';
import { legsElsewhere } from './legs-elsewhere.ts';
import { listSipMessages } from './list-sip-messages.ts';
import { ownLegs } from './own-legs.ts';
import { readRecording } from './read-recording.ts';
import { recordLegs } from './record-legs.ts';
import { beat, forgetLegs, hasPage } from './rows.ts';
import { telephonyGatewaySettings } from './settings.ts';
import { settleLegs } from './settle-legs.loop.ts';
import { forgetSipMessages } from './sip-message-rows.ts';
import { actOnPhones, isPerson } from './softphone.ts';
import { storeRecordings } from './store-recordings.loop.ts';
import { testPhones } from './test-phones.ts';

const keepLegsMs = 30 * 86_400_000;
const beatMs = 1_000;

export default service({
  serves: { telephony, softphone },
  uses: [calls.route_call, calls.attend_leg, telephony.media, telephony.stop, telephony.hang_up],
  settings: telephonyGatewaySettings,
  vendors: {
    gateway: { setting: 'TELEPHONY_KIND', catalogue: telephonyAdapters, fallback: 'simulator' },
    blobs: { setting: 'BLOB_KIND', catalogue: blobAdapters, fallback: 'fs' },
  },
}).start(async ({ settings, vendors, bus, db, log, metrics, now }) => {
  const { blobs } = vendors;
  const { WEBRTC_LISTEN } = settings;
  let phones: Softphones | undefined;
  const browsers =
    WEBRTC_LISTEN === undefined
      ? undefined
      : webrtcTelephony(
          { ...settings, WEBRTC_LISTEN },
          { log, now, hasPage: (callee) => hasPage(db, callee.slice('person:'.length)), started: (made) => (phones = made) },
        );
  const { TELEPHONY_TEST_NUMBERS: numbers, TELEPHONY_TEST_TRUNK: trunk } = settings;
  const tested = numbers === undefined ? undefined : testPhones({ numbers, trunk }, { log, now });
  const main = tested === undefined ? vendors.gateway : beside(vendors.gateway, tested.telephony, tested.isTestNumber);
  const gateway = browsers === undefined ? main : beside(main, heldTelephony(browsers), isPerson);
  const { legs } = gateway;
  const placed = notifier();
  const owned = ownLegs(bus, telephony, ...(browsers === undefined ? [] : [softphone]));
  /** Owns legs that any process can act upon. */
  const pulled = ownLegs(bus, telephony);
  const holder = bus.instance;
  const finished = notifier();
  const recordings = recordLegs({ db, folder: settings.TELEPHONY_RECORDING_DIR, log, closed: finished.notify });
  const { acts, forget } = actOnLegs(gateway, {
    recordings,
    metrics,
    log,
    unattendedMs: settings.TELEPHONY_UNATTENDED_MS,
    elsewhere: legsElsewhere(bus, log),
  });
  const held = holdLegs({
    ...{ bus, db, owned, holder, recordings, log },
    recordsAll: settings.TELEPHONY_RECORDING === 'all',
    ended: forget,
  });
  const server = await gateway.start?.(held);
  // Not a loop: loops stop before the legs that go on while the instance drains.
  const beating =
    server &&
    setInterval(
      () => void beat(db, holder).catch((err) => log.warn({ err }, 'the heartbeat of the legs held here could not be stored')),
      beatMs,
    );
  return {
    telephony: {
      dial: {
        ...gateway.dial,
        async attempt(input, at) {
          if (input.trunk !== undefined && !(gateway.trunks?.() ?? []).some(({ trunk }) => trunk === input.trunk))
            throw new PolybError(
              'failed_precondition',
              `This gateway has no trunk ${input.trunk}; polyb calls trunks lists those it has.`,
              {
                reason: 'gateway_refused',
              },
            );
          const leg = await gateway.dial.attempt(input, at);
          if (legs !== undefined && !isPerson(input.to) && !tested?.isTestNumber(input.to)) pulled.own(leg.legId);
          placed.notify();
          return leg;
        },
      },
      ...acts,
      read_recording: readRecording(db, blobs),
      list_sip_messages: listSipMessages(db),
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
            storeRecordings({ db, blobs, finished, log }),
            every('forget_recordings', '37 3 * * *', () =>
              forgetRecordings({ db, blobs, before: new Date(now() - settings.TELEPHONY_RECORDING_KEEP_MS) }),
            ),
            settleLegs(gateway, { bus, db, holder, now, log }),
            every('forget_held_legs', '29 3 * * *', async () => {
              const before = new Date(now() - keepLegsMs);
              await forgetSipMessages(db, before);
              await forgetLegs(db, before);
            }),
          ]
        : []),
    ],
    async drain() {
      await server
        ?.drain(AbortSignal.timeout(settings.TELEPHONY_DRAIN_MS))
        .catch((err) => log.warn({ err }, 'the remaining legs are hung up because the instance is stopping'));
      held.leave();
      await server?.close(); // The streams of the legs end with them.
    },
    async stop() {
      await server?.close();
      await held.stored();
      clearInterval(beating);
    },
  };
});

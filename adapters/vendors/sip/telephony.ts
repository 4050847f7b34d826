/**
 * Telephony over SIP and RTP by this process itself: calls through a trunk or to an address, inbound calls, and the audio of both. The
 * Call-ID of an outbound call is the id of its leg, and its dialog is stored before anything is sent, so that another process can end the
 * call when this one is dead.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { createMediaWorker } from '../../../media/rtp/worker-client.ts';
import type { IncomingCall } from '../../../media/sip/call.ts';
import type { Dialog } from '../../../media/sip/dialog.ts';
import { answerOffer, type Codec, type LocalAudio } from '../../../media/sip/offer-answer.ts';
import { parseUri } from '../../../media/sip/uri.ts';
import { createUserAgent } from '../../../media/sip/user-agent.ts';
import type { Deps } from '../../deps.ts';
import { type DialPlan, dialled } from '../../telephony/dial-plan.ts';
import { closeMs, heldLegs } from '../../telephony/held-legs.ts';
import type { LegGateway, LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import { type SipLeg, sipLeg } from './leg.ts';
import { openSip } from './open.ts';
import { portRange, type SipOptions } from './settings.ts';
import { sipTrace } from './trace.ts';
import { readTrunks, type SipTrunk } from './trunks.ts';

export function sipTelephony(options: SipOptions, { log, now }: Pick<Deps, 'log' | 'now'>): LegGateway {
  return { start: (host) => start(options, { log, now }, host) };
}

async function start(options: SipOptions, { log, now }: Pick<Deps, 'log' | 'now'>, host: LegHost): Promise<LegServer> {
  const legs = heldLegs<SipLeg>();
  /** Legs by Call-ID, for dialogs that are to be stored. */
  const byCallId = new Map<string, SipLeg>();
  const trunks = await readTrunks(options, { now, log });
  const ownDomain = options.SIP_ADVERTISED_ADDRESS ?? options.SIP_ADDRESS;
  /** @param trunk through which the call goes; null: only addresses can be called */
  function uriOf(to: string, trunk: SipTrunk | null): string {
    if (/^sips?:/i.test(to)) return to;
    if (trunk === null)
      throw new PolybError('failed_precondition', 'Without SIP_TRUNK only SIP addresses can be dialled, such as sip:anna@10.0.0.5.', {
        reason: 'gateway_refused',
      });
    const number = dialled(options.TELEPHONY_DIAL_PLAN as DialPlan, to); // The settings schema has checked its form.
    return trunk.options.uri.replace(/^(sips?:)(?:[^@;]*@)?/, `$1${number}@`);
  }
  function mayPlace(): void {
    legs.mayAdd();
    if (legs.size >= options.SIP_MAX_CALLS)
      throw new PolybError('resource_exhausted', 'All lines of this instance are in use.', { retryAfterMs: 5_000 });
  }

  const trace = sipTrace({ store: async (messages) => host.traced?.(messages), now, log });
  const transports = await openSip(options);
  const worker = createMediaWorker({
    address: options.SIP_ADDRESS,
    ...(options.RTP_PORTS === undefined ? {} : { ports: portRange(options.RTP_PORTS) }),
  });
  async function newLeg(
    about: Pick<SipLeg, 'legId' | 'callId' | 'direction' | 'from' | 'to'>,
    trunk: SipTrunk | null,
    ended: () => void = () => {},
  ): Promise<SipLeg> {
    const media = await worker.open().catch((err: unknown) => {
      log.error({ err }, 'no media session could be opened');
      throw new PolybError('resource_exhausted', 'No port for audio is free; widen RTP_PORTS.', { retryAfterMs: 5_000 });
    });
    const leg = sipLeg({
      ...about,
      host,
      media,
      local: localAudio(options, media.port, about.direction),
      uriOf: (to) => uriOf(to, trunk),
      log,
      now,
      onEnded: () => {
        legs.remove(leg);
        ended();
        for (const [id, held] of byCallId) {
          if (held !== leg) continue;
          byCallId.delete(id);
          trace.end(id);
        }
      },
    });
    legs.add(leg);
    host.held(leg);
    return leg;
  }
  /** The trunk with the host that the caller's address names; else the first one. */
  function trunkOf(call: IncomingCall): SipTrunk | null {
    const host = parseUri(call.from.uri)?.host;
    return trunks.find(({ options: { uri } }) => parseUri(uri)?.host === host) ?? trunks[0] ?? null;
  }
  async function receive(call: IncomingCall): Promise<void> {
    if (call.offer !== null) {
      const answer = answerOffer(call.offer, localAudio(options, 9, 'in'));
      if (answer.refused !== null) return call.reject(488, { sdp: answer.sdp });
    }
    try {
      const from = userOf(call.from.uri);
      const trunk = trunkOf(call);
      const leg = await newLeg({ ...host.identify(), direction: 'in', from, to: userOf(call.requestUri) }, trunk, trunk?.take());
      byCallId.set(call.id, leg);
      trace.begin(call.id, leg.legId);
      leg.attach(call);
      call.listen(leg.events); // An end that came meanwhile is reported at once.
      if (leg.state.hasEnded) return;
      // The answer is not sent before its dialog is stored; until then this one lets another instance refuse the call.
      void Promise.resolve(host.save(leg.legId, call.dialog())).catch((err: unknown) => log.warn({ err }, 'a dialog could not be stored'));
      leg.state.reach('ringing');
      call.ring();
      host.offered(leg);
    } catch (err) {
      log.warn({ err }, 'an inbound call could not be taken');
      call.reject(503, { retryAfterS: 5 });
    }
  }
  const agent = createUserAgent({
    transports,
    name: 'PolyB',
    timer: { expiresS: Math.round(options.SIP_SESSION_EXPIRES_MS / 1000) },
    limits: { calls: options.SIP_MAX_CALLS },
    async save(dialog) {
      const leg = byCallId.get(dialog.callId);
      if (leg !== undefined) await host.save(leg.legId, dialog);
    },
    async holderOf(id, fromTag) {
      const dialog = (await host.saved({ callId: id, remoteTag: fromTag })) as Dialog | null; // As `save` has stored it.
      return dialog?.contact ?? null;
    },
    on: { incoming: (call) => void receive(call), trace: trace.note },
  });
  for (const each of trunks) each.register(agent);
  return {
    async place({ callId, to, from: wanted, headers = {}, trunk: name }, { legId }) {
      const trunk = trunks.find(({ options: { trunk } }) => name === undefined || trunk === name) ?? null;
      const uri = uriOf(to, trunk);
      mayPlace();
      const ended = trunk?.begin() ?? (() => {});
      const from = wanted ?? trunk?.options.callerId ?? trunk?.options.user;
      const leg = await newLeg({ legId, callId, direction: 'out', from: from ?? null, to }, trunk, ended).catch((err: unknown) => {
        ended();
        throw err;
      });
      byCallId.set(legId, leg);
      trace.begin(legId, legId);
      leg.attach(
        agent.invite(
          {
            to: uri,
            from: `sip:${from ?? 'anonymous'}@${(trunk && parseUri(trunk.options.uri)?.host) ?? ownDomain}`,
            sdp: leg.offer(),
            callId: legId,
            ringMs: options.TELEPHONY_RING_MS,
            headers: Object.entries(headers),
            ...trunk?.credentials,
          },
          leg.events,
        ),
      );
    },
    leg: (legId) => legs.get(legId),
    async abandon({ legId, data }, signal) {
      // Without a dialog nothing was sent.
      if (data === null) return;
      const dialog = data as Dialog; // As `save` has stored it.
      trace.begin(dialog.callId, legId);
      const abandoned = agent.abandon(dialog).finally(() => trace.end(dialog.callId));
      // The end of the call does not wait for a phone that is away; the messages to it go on.
      await Promise.race([abandoned, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    },
    trunks: () => trunks.map((each) => each.state()),
    async drain(signal) {
      for (const each of trunks) each.unregister();
      await Promise.all([agent.drain(signal), legs.drain(signal)]);
    },
    async close() {
      const patience = AbortSignal.timeout(closeMs);
      for (const each of trunks) each.unregister();
      await legs.hangUpAll(patience, (err) => log.warn({ err }, 'a leg could not be hung up'));
      await agent.close(patience);
      await worker.close();
      await trace.flush();
    },
  };
}

function localAudio(options: SipOptions, port: number, direction: 'in' | 'out'): LocalAudio {
  return {
    sessionId: String(randomInt(1, 2 ** 47)),
    version: 1,
    address: options.SIP_ADVERTISED_ADDRESS ?? options.SIP_ADDRESS,
    port,
    codecs: options.SIP_CODECS.split(',') as readonly Codec[], // The settings schema has checked them.
    ptimeMs: 20,
    direction: 'sendrecv',
    // An offer with a key can only be answered with one.
    ...(options.SIP_SRTP === 'off' || (options.SIP_SRTP === 'offered' && direction === 'out')
      ? {}
      : { srtpKey: randomBytes(30).toString('base64') }),
    ...(options.SIP_SRTP === 'required' ? { requiresSrtp: true } : {}),
  };
}
function userOf(uri: string): string | null {
  const user = parseUri(uri)?.user ?? null;
  return user === null || /^anonymous$/i.test(user) ? null : user;
}

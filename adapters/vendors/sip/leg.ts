/** One call of the SIP user agent and the media session that carries its audio. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { MediaFact as SessionFact } from '../../../media/rtp/media.ts';
import type { MediaSession } from '../../../media/rtp/worker-client.ts';
import type { Call, CallEvents, IncomingCall, OfferReply } from '../../../media/sip/call.ts';
import { answerOffer, createOffer, type LocalAudio, type Negotiated, readAnswer } from '../../../media/sip/offer-answer.ts';
import type { Log } from '../../deps.ts';
import { type LegState, legState } from '../../telephony/leg-state.ts';
import { mediaListeners } from '../../telephony/listeners.ts';
import type { Cause, Leg, LegHost, MediaFact } from '../../telephony/port.ts';
import { legEndOf } from './causes.ts';

export interface SipLegOptions {
  readonly legId: string;
  readonly callId: string;
  readonly direction: 'in' | 'out';
  readonly from: string | null;
  readonly to: string | null;
  readonly host: Pick<LegHost, 'changed' | 'answered'>;
  readonly media: MediaSession;
  /** What this side offers and answers with. */
  readonly local: LocalAudio;
  /** The URI of a transfer's target. @throws PolybError for one that cannot be dialled */
  readonly uriOf: (to: string) => string;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  /** Once. */
  readonly onEnded: () => void;
}
export interface SipLeg extends Leg {
  readonly state: LegState;
  readonly session: MediaSession;
  /** The offer of an outbound call. */
  offer(): string;
  /** The handlers of the call. */
  readonly events: CallEvents;
  /** The call of this leg, once there is one. */
  attach(call: Call): void;
}

const referMs = 35_000;

export function sipLeg(options: SipLegOptions): SipLeg {
  const { legId, callId, direction, from, to, host, media, uriOf, log, now, onEnded } = options;
  const state = legState({ legId, callId, direction, from, to, host, now });
  const listeners = mediaListeners((err) => log.error({ err, legId }, 'a listener of a leg failed'));
  let local = options.local;
  let call: Call | null = null;
  let didRing = false;
  let isTransferred = false;
  /** Set while this side holds the call. */
  let isHolding = false;
  const ended = Promise.withResolvers<void>();
  const recordings = new Map<string, (end: { readonly ms: number; readonly error: string | null }) => void>();

  media.on({
    frame: (audio) => listeners.frame(audio),
    fact(fact) {
      const known = factOf(fact);
      if (known !== null) listeners.fact(known);
      if ('recording' in fact) recordings.get(fact.recording)?.({ ms: fact.ms, error: fact.error });
      if ('inactiveMs' in fact) lose('media_lost', 'no audio has come for too long');
      if ('failed' in fact) {
        for (const done of recordings.values()) done({ ms: 0, error: fact.failed });
        lose('media_lost', 'the media worker has failed');
      }
    },
  });
  function lose(cause: Cause, why: string): void {
    log.warn({ legId }, `a leg is hung up: ${why}`);
    state.end({ cause, by: 'network' });
    call?.hangUp();
    finish();
  }
  function finish(): void {
    void media.close();
    onEnded();
    ended.resolve();
  }
  function use(negotiated: Negotiated): void {
    configure(negotiated);
    if (!state.isAnswered || isHolding) return;
    if (state.reach(negotiated.isHeld ? 'held' : 'resumed')) listeners.fact({ held: negotiated.isHeld });
  }
  function configure(negotiated: Negotiated): void {
    media.configure(negotiated);
    // Later offers are as secure as the call.
    const { srtpKey, ...plain } = local;
    local = negotiated.srtp === undefined ? plain : { ...plain, srtpKey: negotiated.srtp.local };
  }
  function answeredWith(sdp: string | null): void {
    const negotiated = sdp === null ? null : readAnswer(sdp, local);
    if (negotiated === null || typeof negotiated === 'string') {
      log.warn({ legId, refused: negotiated }, 'an answered call has no audio that both sides know');
      call?.hangUp({ q850: 88 });
      return;
    }
    configure(negotiated);
    if (!state.reach('answered')) return;
    host.answered(leg);
    if (negotiated.isHeld) state.reach('held');
  }
  const next = (change: Partial<LocalAudio> = {}): LocalAudio => {
    local = { ...local, version: local.version + 1, ...change };
    return local;
  };
  async function change(directionNow: LocalAudio['direction']): Promise<Negotiated> {
    const offered = next({ direction: directionNow });
    const { status, sdp } = await answeredCall().reInvite(createOffer(offered));
    const negotiated = status < 300 && sdp !== null ? readAnswer(sdp, offered) : null;
    if (negotiated === null || typeof negotiated === 'string')
      throw new PolybError('upstream_failed', `The other side refused the change of the call (${status}).`, { outcome: 'not_executed' });
    return negotiated;
  }

  const events: CallEvents = {
    provisional({ sdp }) {
      didRing = true;
      const negotiated = sdp === null ? null : readAnswer(sdp, local);
      // Early media is heard and never spoken to.
      if (negotiated !== null && typeof negotiated === 'object') {
        media.configure({ ...negotiated, direction: 'recvonly' });
        state.reach('early');
      } else state.reach('ringing');
    },
    answered: ({ sdp }) => answeredWith(sdp),
    acknowledged({ sdp }) {
      if (sdp !== null) answeredWith(sdp);
    },
    offer(sdp): OfferReply {
      if (sdp === null) return { sdp: createOffer(next()) };
      const answer = answerOffer(sdp, next());
      if (answer.refused !== null) return { refuse: 488, sdp: answer.sdp };
      use(answer.negotiated);
      return { sdp: answer.sdp };
    },
    answer(sdp) {
      const negotiated = readAnswer(sdp, local);
      if (typeof negotiated === 'object') use(negotiated);
    },
    dtmf: (digit) => media.digit(digit, 'info'),
    ended(end) {
      const how = legEndOf(end, didRing);
      state.end(isTransferred ? { ...how, cause: 'transferred', by: 'system' } : how);
      finish();
    },
  };
  const leg: SipLeg = {
    legId,
    callId,
    direction,
    from,
    to,
    state,
    session: media,
    offer: () => createOffer(local),
    events,
    attach(made) {
      call = made;
    },
    media: {
      play: ({ id, audio }) => media.play(id, audio),
      clear: () => media.clear(),
      mark: (id) => media.mark(id),
      listen: (listener) => listeners.add(listener),
      record(file) {
        const done = Promise.withResolvers<{ readonly ms: number; readonly error: string | null }>();
        recordings.set(file, done.resolve);
        media.record(file);
        return { pause: (isPaused) => media.pauseRecording(isPaused), done: done.promise };
      },
    },
    async answer(signal) {
      const incoming = call as IncomingCall | null; // An outbound leg is answered by its phone.
      if (direction === 'out' || incoming === null || state.hasEnded || state.isAnswered) throw gone();
      signal.throwIfAborted();
      const answer = incoming.offer === null ? null : answerOffer(incoming.offer, local);
      if (answer?.refused) {
        incoming.reject(488, { sdp: answer.sdp });
        throw new PolybError('failed_precondition', 'The caller has no codec that this gateway knows.', { reason: 'not_answered' });
      }
      if (answer !== null) configure(answer.negotiated);
      if (!(await incoming.answer(answer?.sdp ?? createOffer(local)))) throw gone();
      // A caller without an offer answers with its ACK.
      if (answer !== null && state.reach('answered')) host.answered(leg);
    },
    async reject(cause) {
      if (direction === 'out' || state.hasEnded || state.isAnswered) throw gone();
      state.end({ cause, by: 'system' });
      (call as IncomingCall | null)?.reject(statuses[cause] ?? 480);
    },
    async hangUp(signal) {
      if (state.hasEnded) return;
      call?.hangUp(state.isAnswered ? { q850: 16 } : {});
      await Promise.race([ended.promise, aborted(signal)]);
    },
    async hold() {
      answeredCall();
      isHolding = true;
      media.clear(); // What was queued is old when the call goes on.
      try {
        media.configure(await change('sendonly'));
      } catch (thrown) {
        isHolding = false;
        throw thrown;
      }
      if (state.reach('held')) listeners.fact({ held: true });
    },
    async resume() {
      answeredCall();
      const negotiated = await change('sendrecv');
      isHolding = false;
      media.configure(negotiated);
      if (state.reach('resumed')) listeners.fact({ held: false });
    },
    async transfer(target, signal) {
      const uri = uriOf(target);
      state.reach('transferring');
      isTransferred = true;
      const { status, outcome } = await Promise.race([
        answeredCall().refer(uri),
        aborted(AbortSignal.any([signal, AbortSignal.timeout(referMs)])),
      ]);
      if (status < 300 && outcome !== null && outcome < 300) {
        call?.hangUp({ q850: 16 });
        return;
      }
      isTransferred = false;
      state.reach('resumed');
      if (status >= 300) throw new PolybError('unimplemented', `The other side does not transfer calls (${status}).`);
      throw new PolybError('failed_precondition', `The transfer did not reach anybody (${outcome ?? 'no report'}).`, {
        reason: 'not_answered',
      });
    },
    connect: (other) => media.connect((other as SipLeg | null)?.session ?? null),
    sendDtmf(digits) {
      answeredCall();
      media.sendDtmf(digits);
    },
  };
  return leg;

  function answeredCall(): Call {
    if (call === null || !state.isAnswered || state.hasEnded)
      throw new PolybError('failed_precondition', 'Only an answered leg that has not ended can do this.', { reason: 'not_answered' });
    return call;
  }
}

const statuses: Readonly<Partial<Record<Cause, number>>> = {
  busy: 486,
  rejected: 603,
  unreachable: 480,
  wrong_number: 404,
  not_allowed: 403,
  congestion: 503,
};
function factOf(fact: SessionFact): MediaFact | null {
  // Who holds whom is known from the signalling.
  if ('played' in fact || 'speech' in fact || 'lost' in fact || 'rttMs' in fact || 'delayMs' in fact) return fact;
  return 'dtmf' in fact ? { dtmf: fact.dtmf } : null;
}
function gone(): PolybError {
  return new PolybError('failed_precondition', 'The leg was answered or has ended.', { reason: 'not_answered' });
}
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

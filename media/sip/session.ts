/** The dialog of a call from its first response to its end: requests of both sides inside it (RFC 3261, sections 12 to 15). */
import type { Authorizer } from './authorizer.ts';
import { dtmfOf, fragmentStatus, isReadable, sdpOf } from './body.ts';
import { type CallEnd, type CallEvents, type HangUp, type OfferReply, q850Of, type ReferResult, reasonHeaders } from './call.ts';
import { randomShare } from './clock.ts';
import { type Dialog, type DialogRequest, nextHopOf, requestIn } from './dialog.ts';
import {
  contactUri,
  contentType,
  cseq,
  type Header,
  header,
  lists,
  numberOf,
  responseTo,
  type SipRequest,
  type SipResponse,
  values,
} from './message.ts';
import { readReferral } from './refer.ts';
import { repeatUntilStopped } from './repeat.ts';
import type { Outcome } from './requester.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { acceptTimer, createSessionTimer, type SessionInterval, timerHeaders, timerOfAnswer } from './session-timer.ts';
import { abilities, extensions, methods, type Stack } from './stack.ts';

export interface SessionParts {
  readonly stack: Stack;
  readonly dialog: Dialog;
  readonly authorizer: Authorizer;
  /** Returns the current handlers. */
  readonly events: () => CallEvents;
  /** Called once, when the dialog ends. */
  readonly onEnd: (end: Omit<CallEnd, 'wasAnswered'>) => void;
}

export interface Session {
  dialog(): Dialog;
  change(dialog: Dialog): void;
  /** Updates the peer's target and abilities from an INVITE, an UPDATE or a 2xx to one. */
  learn(message: SipRequest | SipResponse): void;
  /** The number for the next request of this side. */
  nextSeq(): number;
  isEnded(): boolean;
  request(method: string, content?: Omit<DialogRequest, 'seq'>): Promise<Outcome>;
  modify(method: 'INVITE' | 'UPDATE', sdp: string | null): Promise<{ readonly status: number; readonly sdp: string | null }>;
  /** Acknowledges a 2xx of an INVITE, and every repeat of it. */
  acknowledge(response: SipResponse, sdp: string | null): void;
  /** Handles a repeated 2xx, whose ACK was lost. */
  repeatAck(response: SipResponse): void;
  /** Resends a 2xx until its ACK arrives; without one the call ends with BYE. */
  awaitAck(transaction: ServerTransaction, response: SipResponse, onAck: (ack: SipRequest) => void): void;
  receive(request: SipRequest, transaction: ServerTransaction): void;
  receiveAck(ack: SipRequest): void;
  startTimer(interval: SessionInterval | null): void;
  /** Stores the last description sent by this side, which a refresh repeats. */
  described(sdp: string): void;
  refer(to: string): Promise<ReferResult>;
  bye(end: Omit<CallEnd, 'wasAnswered'>, options?: HangUp): void;
  end(end: Omit<CallEnd, 'wasAnswered'>): void;
}

const referMs = 60_000;
const glareTries = 4;

export function createSession({ stack, dialog: first, authorizer, events, onEnd }: SessionParts): Session {
  const { clock, requester, random } = stack;
  let dialog = first;
  let ended = false;
  /** An INVITE or UPDATE with an offer of this side, or of the peer, is under way (RFC 3261, section 14). */
  let isOffering = false;
  let isAnswering = false;
  let lastSdp: string | null = null;
  let peerAllowsUpdate = false;
  let interval: SessionInterval | null = null;
  const acks = new Map<number, () => Promise<void>>();
  let waitingForAck: { readonly seq: number; readonly stop: () => void; readonly onAck: (ack: SipRequest) => void } | null = null;
  let onNotified: ((status: number) => void) | null = null;

  const timer = createSessionTimer(clock, {
    refresh: () => void refresh(),
    expired: () => bye({ by: 'network', status: null, reason: 'session timer expired', q850: null }),
  });

  function change(next: Dialog): void {
    dialog = next;
  }
  function nextSeq(): number {
    dialog = { ...dialog, localSeq: dialog.localSeq + 1 };
    return dialog.localSeq;
  }

  function end(how: Omit<CallEnd, 'wasAnswered'>): void {
    if (ended) return;
    ended = true;
    timer.stop();
    waitingForAck?.stop();
    onNotified?.(0);
    onEnd(how);
  }

  function bye(how: Omit<CallEnd, 'wasAnswered'>, { q850 }: HangUp = {}): void {
    if (ended) return;
    const build = (): SipRequest => requestIn(dialog, 'BYE', { seq: nextSeq(), headers: reasonHeaders(q850) });
    const before = async (): Promise<boolean> => {
      // The call is hung up even if that cannot be stored.
      await stack.save(dialog).catch(() => {});
      return true;
    };
    stack.linger(requester.send({ build, nextHop: nextHopOf(dialog), authorizer, before })); // sent or not, the call is over
    end(how);
  }

  async function request(method: string, content: Omit<DialogRequest, 'seq'> = {}): Promise<Outcome> {
    const build = (): SipRequest => requestIn(dialog, method, { ...content, seq: nextSeq() });
    const outcome = await requester.send({ build, nextHop: nextHopOf(dialog), authorizer });
    if (method !== 'PRACK') endWhenGone(outcome);
    return outcome;
  }
  /** Ends the call if the peer no longer knows it or is unreachable (RFC 3261, section 12.2.1.2). */
  function endWhenGone({ status, response }: Outcome): void {
    if (status === 481 && response) bye({ by: 'network', status: null, reason: 'the peer does not know the call', q850: null });
  }

  async function modify(method: 'INVITE' | 'UPDATE', sdp: string | null) {
    if (ended) return { status: 481, sdp: null };
    if (isOffering || isAnswering) return { status: 491, sdp: null };
    isOffering = true;
    try {
      for (let tries = 1; ; tries += 1) {
        const outcome = await offerOnce(method, sdp);
        const response = outcome.response;
        if (outcome.status === 422 && response && tries < glareTries) {
          const minS = numberOf(response, 'Min-SE');
          if (minS === null || interval === null) return { status: 422, sdp: null };
          interval = { ...interval, expiresS: Math.max(interval.expiresS, minS) };
          continue;
        }
        if (outcome.status === 491 && response && tries < glareTries && !ended) {
          // The side that created the Call-ID waits longer, so that the two do not collide again (RFC 3261, section 14.1).
          const waitMs = dialog.role === 'caller' ? 2_100 + randomShare(random) * 1_900 : randomShare(random) * 2_000;
          isOffering = false;
          await new Promise<void>((resolve) => clock.after(waitMs, resolve));
          if (ended) return { status: 481, sdp: null };
          if (isAnswering) return { status: 491, sdp: null };
          isOffering = true;
          continue;
        }
        if (outcome.status === 408 || outcome.status === 481) {
          bye({ by: 'network', status: null, reason: 'no response within the call', q850: null });
        }
        return { status: outcome.status, sdp: response ? sdpOf(response) : null };
      }
    } finally {
      isOffering = false;
    }
  }

  async function offerOnce(method: 'INVITE' | 'UPDATE', sdp: string | null): Promise<Outcome> {
    const body = sdp === null ? {} : { body: Buffer.from(sdp) };
    const timing = interval
      ? timerHeaders({ expiresS: interval.expiresS, minS: stack.timer.minS }, interval.isRefresher ? 'uac' : 'uas')
      : [];
    const build = (): SipRequest => requestIn(dialog, method, { seq: nextSeq(), headers: [...abilities, ...timing], ...body });
    const outcome = await requester.send({
      build,
      nextHop: nextHopOf(dialog),
      authorizer,
      before: async () => {
        const isStored =
          method !== 'INVITE' ||
          (await stack.save(dialog).then(
            () => true,
            () => false,
          ));
        return isStored && !ended;
      },
      onAnotherAnswer: repeatAck,
      onOutcome: ({ status, response }) => {
        if (!response || status >= 300) return;
        learn(response);
        if (sdp !== null) lastSdp = sdp;
        const agreed = timerOfAnswer(response);
        startTimer(agreed ?? interval);
        if (method === 'INVITE' && (sdp !== null || sdpOf(response) === null)) acknowledge(response, null);
      },
    });
    const { response, status } = outcome;
    if (method === 'INVITE' && sdp === null && response && status < 300) {
      const offered = sdpOf(response);
      if (offered !== null) {
        const reply = await replyTo(offered);
        acknowledge(response, 'sdp' in reply && !('refuse' in reply) ? reply.sdp : null);
      }
    }
    return outcome;
  }

  function acknowledge(response: SipResponse, sdp: string | null): void {
    const seq = cseq(response)?.number ?? 0;
    // A proxy expects the credentials of the INVITE in the ACK (RFC 3261, section 22.1).
    const bare = requestIn(dialog, 'ACK', { seq, ...(sdp === null ? {} : { body: Buffer.from(sdp) }) });
    const ack = { ...bare, headers: [...bare.headers, ...authorizer.headers('ACK', bare.uri)] };
    acks.set(seq, requester.ack(ack, nextHopOf(dialog)));
    if (sdp !== null) lastSdp = sdp;
    repeatAck(response);
  }
  function repeatAck(response: SipResponse): void {
    const send = acks.get(cseq(response)?.number ?? -1);
    // The peer sends its 200 again when this one is lost.
    send?.().catch(() => {});
  }

  function awaitAck(transaction: ServerTransaction, response: SipResponse, onAck: (ack: SipRequest) => void): void {
    const stop = repeatUntilStopped(clock, {
      send: () => transaction.respond(response),
      gaveUp: () => bye({ by: 'network', status: null, reason: 'the answer was never acknowledged', q850: null }),
    });
    waitingForAck = { seq: cseq(response)?.number ?? 0, stop, onAck };
  }
  function receiveAck(ack: SipRequest): void {
    if (waitingForAck?.seq !== cseq(ack)?.number) return;
    const waiting = waitingForAck;
    waitingForAck = null;
    waiting?.stop();
    waiting?.onAck(ack);
  }

  function startTimer(next: SessionInterval | null): void {
    interval = next;
    if (!ended) timer.restart(next);
  }
  async function refresh(): Promise<void> {
    const sdp = lastSdp;
    if (peerAllowsUpdate || sdp === null) {
      const timing = interval ? timerHeaders({ expiresS: interval.expiresS, minS: stack.timer.minS }, 'uac') : [];
      const { status, response } = await request('UPDATE', { headers: [...abilities, ...timing] });
      if (response && status < 300) return startTimer(timerOfAnswer(response) ?? interval);
      if (status === 422 && response && interval) {
        interval = { ...interval, expiresS: Math.max(interval.expiresS, numberOf(response, 'Min-SE') ?? 0) };
        return refresh();
      }
      if (status === 408 || status === 503) bye({ by: 'network', status: null, reason: 'no response to the refresh', q850: null });
      return;
    }
    await modify('INVITE', sdp);
  }

  /** The target of a dialog moves with the Contact of INVITE, UPDATE and their 2xx. */
  function learn(message: SipRequest | SipResponse): void {
    const remoteTarget = contactUri(message) ?? dialog.remoteTarget;
    dialog = { ...dialog, remoteTarget };
    if (header(message, 'Allow') !== null) peerAllowsUpdate = lists(message, 'Allow', 'UPDATE');
  }

  async function replyTo(sdp: string | null): Promise<OfferReply> {
    try {
      return (await events().offer?.(sdp)) ?? { refuse: 488 };
    } catch {
      // The handler reports its own errors; the peer keeps the previous agreement.
      return { refuse: 500 };
    }
  }

  async function receiveOffer(incoming: SipRequest, transaction: ServerTransaction, respond: Respond): Promise<void> {
    const offered = sdpOf(incoming);
    const isInvite = incoming.method === 'INVITE';
    if (!isReadable(incoming)) return respond(415, { headers: [['Accept', 'application/sdp']] });
    if (isOffering && (isInvite || offered !== null)) return respond(491);
    if (isAnswering || (isInvite && waitingForAck)) {
      return respond(500, { headers: [['Retry-After', String(Math.floor(randomShare(random) * 10))]] });
    }
    const timing = acceptTimer(incoming, stack.timer);
    if ('tooShort' in timing) return respond(422, { headers: [['Min-SE', String(timing.tooShort)]] });
    isAnswering = true;
    const reply = isInvite || offered !== null ? await replyTo(offered) : null;
    isAnswering = false;
    if (ended) return respond(487);
    if (reply && 'refuse' in reply) {
      const body = reply.sdp === undefined ? {} : { body: Buffer.from(reply.sdp) };
      return respond(reply.refuse, { ...(reply.sdp === undefined ? {} : { headers: [['Content-Type', 'application/sdp']] }), ...body });
    }
    learn(incoming);
    startTimer(timing.interval);
    if (reply) lastSdp = reply.sdp;
    const response = responseTo(incoming, 200, {
      headers: [
        ['Contact', `<${dialog.contact}>`],
        ...abilities,
        ...timing.headers,
        ...(reply ? ([['Content-Type', 'application/sdp']] as const) : []),
      ],
      ...(reply ? { body: Buffer.from(reply.sdp) } : {}),
    });
    transaction.respond(response);
    if (!isInvite) return;
    awaitAck(transaction, response, (ack) => {
      const answer = sdpOf(ack);
      if (offered === null && answer !== null) events().answer?.(answer);
    });
  }

  type Respond = (status: number, content?: { readonly headers?: readonly Header[]; readonly body?: Uint8Array }) => void;

  function receive(incoming: SipRequest, transaction: ServerTransaction) {
    const respond: Respond = (status, content = {}) => transaction.respond(responseTo(incoming, status, content));
    const seq = cseq(incoming)?.number ?? 0;
    if (dialog.remoteSeq !== null && seq < dialog.remoteSeq) return respond(500);
    dialog = { ...dialog, remoteSeq: seq };
    const unknown = values(incoming, 'Require').filter((each) => !extensions.some((known) => known === each.toLowerCase()));
    if (unknown.length > 0) return respond(420, { headers: [['Unsupported', unknown.join(', ')]] });
    switch (incoming.method) {
      case 'INVITE':
      case 'UPDATE':
        void receiveOffer(incoming, transaction, respond); // never rejects
        return;
      case 'BYE':
        respond(200);
        return end({ by: 'peer', status: null, reason: header(incoming, 'Reason') ?? 'hung up', q850: q850Of(incoming) });
      case 'INFO': {
        const pressed = dtmfOf(incoming);
        // An INFO without a body only asks whether the call is alive (RFC 6086, section 4.2.2).
        if (!pressed && incoming.body.length > 0)
          return respond(415, { headers: [['Accept', 'application/dtmf-relay, application/dtmf']] });
        respond(200);
        if (pressed) events().dtmf?.(pressed.digit, pressed.durationMs);
        return;
      }
      case 'NOTIFY':
        return receiveNotify(incoming, respond);
      case 'REFER':
        return receiveRefer(incoming, respond);
      case 'OPTIONS':
        return respond(200, { headers: [...abilities, ['Accept', 'application/sdp']] });
      case 'PRACK':
        return respond(481);
      default:
        return respond(405, { headers: [['Allow', methods.join(', ')]] });
    }
  }

  function receiveNotify(incoming: SipRequest, respond: Respond) {
    if ((header(incoming, 'Event') ?? '').split(';', 1)[0]?.trim().toLowerCase() !== 'refer') return respond(489);
    respond(200);
    const status = contentType(incoming) === 'message/sipfrag' ? fragmentStatus(incoming) : null;
    const isLast = (header(incoming, 'Subscription-State') ?? '').trim().toLowerCase().startsWith('terminated');
    if (status !== null && status >= 200) onNotified?.(status);
    else if (isLast) onNotified?.(0);
  }

  function receiveRefer(incoming: SipRequest, respond: Respond) {
    const handler = events().referred;
    const referral = readReferral(incoming);
    if (!referral) return respond(400);
    if (!handler) return respond(603);
    let isDecided = false;
    const decide = (status: number): boolean => {
      if (isDecided) return false;
      isDecided = true;
      respond(status, status === 202 ? { headers: [['Contact', `<${dialog.contact}>`]] } : {});
      return true;
    };
    const id = String(cseq(incoming)?.number ?? 0);
    let isReported = false;
    const notify = (status: number): void => {
      if (ended || isReported) return;
      isReported = status >= 200;
      const headers: Header[] = [
        ['Event', `refer;id=${id}`],
        ['Subscription-State', isReported ? 'terminated;reason=noresource' : 'active;expires=60'],
      ];
      const body = Buffer.from(`SIP/2.0 ${status} ${responseTo(incoming, status).reason}\r\n`);
      void request('NOTIFY', { headers, body, contentType: 'message/sipfrag;version=2.0' }); // the peer may have hung up
    };
    handler({
      ...referral,
      accept() {
        if (decide(202)) notify(100);
        return { notify };
      },
      reject: (status) => void decide(status),
    });
  }

  async function refer(to: string): Promise<ReferResult> {
    let stopWaiting = (): void => {};
    const reported = new Promise<number>((resolve) => {
      onNotified = resolve;
      stopWaiting = clock.after(referMs, () => resolve(0));
    });
    const { status } = await request('REFER', { headers: [['Refer-To', to], ['Referred-By', dialog.local], ...abilities] });
    const outcome = status < 300 ? await reported : 0;
    stopWaiting();
    onNotified = null;
    return { status, outcome: outcome === 0 ? null : outcome };
  }

  return {
    dialog: () => dialog,
    change,
    learn,
    nextSeq,
    isEnded: () => ended,
    request,
    modify,
    acknowledge,
    repeatAck,
    awaitAck,
    receive,
    receiveAck,
    startTimer,
    described: (sdp) => {
      lastSdp = sdp;
    },
    refer,
    bye,
    end,
  };
}

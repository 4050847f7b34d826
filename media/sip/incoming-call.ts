/** An incoming call: ringing, early media, the answer and its ACK (RFC 3261, section 13.3; RFC 3262). */
import { createAuthorizer } from './authorizer.ts';
import { sdpOf } from './body.ts';
import { type Call, type CallEnd, type CallEvents, type HangUp, type IncomingCall, q850Of, reasonHeaders } from './call.ts';
import { dialogOfInvite } from './dialog.ts';
import type { Target } from './locate.ts';
import { address, cseq, type Header, header, lists, numberOf, responseTo, type SipRequest, type SipResponse } from './message.ts';
import { referTo } from './refer.ts';
import { repeatUntilStopped } from './repeat.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { createSession } from './session.ts';
import type { SessionInterval } from './session-timer.ts';
import { abilities, newTag, type Stack } from './stack.ts';
import { transactionMs } from './timers.ts';

export interface IncomingParts {
  readonly stack: Stack;
  readonly request: SipRequest;
  readonly transaction: ServerTransaction;
  /** URI of this side's Contact. */
  readonly contact: string;
  /** Where the INVITE came from. */
  readonly source: Target;
  /** The agreed session timer, with the headers for the 200. */
  readonly timing: { readonly interval: SessionInterval | null; readonly headers: readonly Header[] };
  readonly replaces: Call | null;
}
/** Events from the user agent to a call, other than requests in its dialog. */
export interface IncomingControl {
  readonly call: IncomingCall;
  /** The caller gave up (RFC 3261, section 9.2). */
  cancelled(cancel: SipRequest): void;
  /** The final response was not acknowledged or could not be sent. */
  unreachable(): void;
}

/** RFC 3262 demands a random start, far enough below 2**31 for all numbers of a call. */
const mostFirstRSeq = 1_000_000;

export function createIncomingCall({ stack, request, transaction, contact, source, timing, replaces }: IncomingParts): IncomingControl {
  const { clock, random } = stack;
  const localTag = newTag(random);
  let events: CallEvents = {};
  let state: 'setup' | 'early' | 'answered' | 'ended' = 'setup';
  let ended: CallEnd | null = null;
  let rseq = 1 + (Buffer.from(random(4)).readUInt32BE() % mostFirstRSeq);
  /** A reliable provisional response waiting for its PRACK; the next one waits for it. */
  let unconfirmed: { readonly rseq: number; readonly stop: () => void } | null = null;
  const queue: SipResponse[] = [];
  const isReliable = lists(request, 'Require', '100rel');
  const offer = sdpOf(request);

  const session = createSession({
    stack,
    dialog: dialogOfInvite(request, { localTag, contact, source }),
    authorizer: createAuthorizer(null, random),
    events: () => events,
    onEnd: finish,
  });
  session.learn(request);
  // Lets another process refuse the call if this one dies while it rings.
  void stack.save(session.dialog()).catch(() => {}); // not awaited here; the answer is only sent once the dialog is stored
  const detach = stack.attach(session.dialog().callId, localTag, {
    receive(incoming, of) {
      if (incoming.method === 'PRACK') return receivePrack(incoming, of);
      // A caller may also hang up an early call by BYE (RFC 3261, section 15).
      if (incoming.method === 'BYE' && !transaction.isAnswered()) transaction.respond(responseTo(request, 487, { toTag: localTag }));
      session.receive(incoming, of);
    },
    acknowledge: session.receiveAck,
  });

  function finish(end: Omit<CallEnd, 'wasAnswered'>): void {
    if (ended) return;
    ended = { ...end, wasAnswered: state === 'answered' };
    state = 'ended';
    unconfirmed?.stop();
    detach();
    events.ended?.(ended);
  }

  function respond(status: number, headers: readonly Header[], sdp?: string): SipResponse {
    return responseTo(request, status, {
      toTag: localTag,
      headers: [
        ...request.headers.filter(([name]) => name === 'Record-Route' && status > 100 && status < 300),
        ...(status < 300 ? ([['Contact', `<${contact}>`]] as const) : []),
        ...abilities,
        ...headers,
        ...(sdp === undefined ? [] : ([['Content-Type', 'application/sdp']] as const)),
      ],
      ...(sdp === undefined ? {} : { body: Buffer.from(sdp) }),
    });
  }

  function sendReliably(response: SipResponse): void {
    if (unconfirmed) {
      queue.push(response);
      return;
    }
    rseq += 1;
    const numbered: SipResponse = { ...response, headers: [...response.headers, ['Require', '100rel'], ['RSeq', String(rseq)]] };
    const send = (): void => transaction.respond(numbered);
    const stop = repeatUntilStopped(clock, { send, gaveUp: () => refuse(504, 'the ringing was never acknowledged') }, transactionMs);
    unconfirmed = { rseq, stop };
    send();
  }
  function receivePrack(prack: SipRequest, of: ServerTransaction) {
    const confirmed = numberOf(prack, 'RAck');
    if (!unconfirmed || confirmed !== unconfirmed.rseq) return of.respond(responseTo(prack, 481));
    unconfirmed.stop();
    unconfirmed = null;
    session.change({ ...session.dialog(), remoteSeq: cseq(prack)?.number ?? null });
    of.respond(responseTo(prack, 200));
    const next = queue.shift();
    if (next && state !== 'ended') sendReliably(next);
  }

  function refuse(status: number, reason: string, headers: readonly Header[] = [], sdp?: string): void {
    if (state !== 'setup' && state !== 'early') return;
    transaction.respond(respond(status, headers, sdp));
    stack.linger(transaction.settled());
    finish({ by: status === 504 ? 'network' : 'us', status, reason, q850: null });
  }

  async function answer(sdp: string): Promise<boolean> {
    if (state !== 'setup' && state !== 'early') return false;
    session.change({ ...session.dialog(), isConfirmed: true });
    try {
      await stack.save(session.dialog());
    } catch (error) {
      refuse(500, 'the dialog could not be stored');
      throw error;
    }
    // The caller may have given up while the dialog was stored.
    if (state !== 'setup' && state !== 'early') return false;
    state = 'answered';
    unconfirmed?.stop();
    session.described(sdp);
    session.startTimer(timing.interval);
    const response = respond(200, timing.headers, sdp);
    session.awaitAck(transaction, response, (ack) => events.acknowledged?.({ sdp: offer === null ? sdpOf(ack) : null }));
    transaction.respond(response);
    replaces?.hangUp();
    return true;
  }

  const call: IncomingCall = {
    id: session.dialog().callId,
    direction: 'in',
    from: address(request, 'From'),
    to: address(request, 'To'),
    requestUri: request.uri,
    offer,
    replaces,
    maxForwards: numberOf(request, 'Max-Forwards') ?? 70,
    headers: request.headers,
    dialog: session.dialog,
    state: () => state,
    listen(next) {
      events = next;
      if (ended) next.ended?.(ended);
    },
    ring({ status = 180, sdp } = {}) {
      if (state !== 'setup' && state !== 'early') return;
      state = 'early';
      const response = respond(status, [], sdp);
      if (isReliable) sendReliably(response);
      else transaction.respond(response);
    },
    answer,
    reject(status, { sdp, retryAfterS, q850 } = {}) {
      const headers: Header[] = [
        ...reasonHeaders(q850),
        ...(retryAfterS === undefined ? [] : ([['Retry-After', String(retryAfterS)]] as const)),
      ];
      refuse(status, 'rejected', headers, sdp);
    },
    hangUp({ q850 }: HangUp = {}) {
      if (state === 'answered') session.bye({ by: 'us', status: null, reason: 'hung up', q850: null }, q850 === undefined ? {} : { q850 });
      else refuse(480, 'hung up', reasonHeaders(q850));
    },
    reInvite: (sdp) => (state === 'answered' ? session.modify('INVITE', sdp) : Promise.resolve({ status: 481, sdp: null })),
    update: (sdp) => session.modify('UPDATE', sdp),
    refer: (to, { replaces: other } = {}) => session.refer(referTo(to, other)),
    info: async (contentType, body) => (await session.request('INFO', { body: Buffer.from(body), contentType })).status,
  };
  return {
    call,
    cancelled(cancel) {
      if (state !== 'setup' && state !== 'early') return;
      transaction.respond(respond(487, []));
      finish({ by: 'peer', status: 487, reason: header(cancel, 'Reason') ?? 'cancelled', q850: q850Of(cancel) });
    },
    unreachable() {
      if (state === 'setup' || state === 'early')
        finish({ by: 'network', status: 503, reason: 'the caller cannot be reached', q850: null });
    },
  };
}

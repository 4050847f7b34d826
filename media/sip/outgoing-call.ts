/** An outgoing call: the INVITE, its forks, early media, CANCEL and messages that cross it (RFC 3261, section 13; RFC 3262). */
import { createAuthorizer } from './authorizer.ts';
import { sdpOf } from './body.ts';
import {
  type CallEnd,
  type CallEvents,
  type EndedBy,
  type HangUp,
  type OutgoingCall,
  q850Of,
  type ReplacedDialog,
  reasonHeaders,
} from './call.ts';
import { cancelOf, type Dialog, dialogOfResponse, nextHopOf, requestIn, type SentInvite } from './dialog.ts';
import type { Credentials } from './digest.ts';
import type { Target } from './locate.ts';
import { cseq, type Header, header, lists, numberOf, responseTo, type SipRequest, type SipResponse, tag, values } from './message.ts';
import { formatReplaces, referTo } from './refer.ts';
import type { Outcome } from './requester.ts';
import { createSession, type Session } from './session.ts';
import { type SessionInterval, timerHeaders, timerOfAnswer } from './session-timer.ts';
import { abilities, newTag, type Stack } from './stack.ts';
import { transactionMs } from './timers.ts';
import { formatNameAddress, parseNameAddress } from './uri.ts';

export interface InviteOptions {
  /** The URI to call. */
  readonly to: string;
  /** URI or name-address of the caller; the callee sees its display name and user. */
  readonly from: string;
  /** Null leaves the offer to the callee. */
  readonly sdp: string | null;
  /** The reference of the caller; a random one by default. */
  readonly callId?: string;
  /** URIs of the proxies for the INVITE, `lr` included: the first one, and those after it (Service-Route). */
  readonly routes?: readonly string[];
  readonly credentials?: Credentials;
  readonly headers?: readonly Header[];
  readonly replaces?: ReplacedDialog;
  /** Time after which an unanswered call is cancelled; 60 s by default. */
  readonly ringMs?: number;
  /** 70 by default; for a call that results from another one, its remaining hops. Below 0 the call ends with 483. */
  readonly maxForwards?: number;
}

export function createOutgoingCall(
  stack: Stack,
  options: InviteOptions,
  local: { readonly contact: string },
  events: CallEvents,
): OutgoingCall {
  const { clock, random, requester } = stack;
  const authorizer = createAuthorizer(options.credentials ?? null, random);
  const caller = parseNameAddress(options.from) ?? { display: null, uri: options.from, params: new Map() };
  const callee = { display: null, uri: options.to, params: new Map() };
  const routes = (options.routes ?? []).map((route) => (route.startsWith('<') ? route : `<${route}>`));
  let timing: SessionInterval | null = null;
  let minS = stack.timer.minS;
  let state: 'setup' | 'early' | 'answered' | 'ended' = 'setup';
  /** Set once this side wants the call to end before its answer. */
  let cancelled: { readonly by: EndedBy; readonly status: number; readonly reason: string; readonly q850?: number } | null = null;
  let wasCancelSent = false;
  let wasProvisional = false;
  let sent: SentInvite | null = null;
  /** The confirmed dialog, or the most recent early one. */
  let session: Session | null = null;
  /** Dialogs of the fork by remote tag, each with its last RSeq. */
  const branches = new Map<string, { dialog: Dialog; lastRSeq: number | null }>();

  /** Branches that answered after the first. */
  const others = new Map<string, Session>();

  const base: Dialog = {
    callId: options.callId ?? newTag(random) + newTag(random),
    role: 'caller',
    isConfirmed: false,
    localTag: newTag(random),
    remoteTag: null,
    local: formatNameAddress({ display: caller.display, uri: caller.uri }),
    remote: formatNameAddress({ uri: options.to }),
    contact: local.contact,
    localSeq: 0,
    remoteSeq: null,
    routes,
    remoteTarget: options.to,
    invite: null,
    received: null,
  };
  let dialog = base;
  const currentDialog = (): Dialog => session?.dialog() ?? dialog;

  const detach = stack.attach(base.callId, base.localTag, {
    receive(request, transaction) {
      const remoteTag = tag(request, 'From') ?? '';
      const of = session?.dialog().remoteTag === remoteTag ? session : others.get(remoteTag);
      if (of) of.receive(request, transaction);
      else transaction.respond(responseTo(request, 481));
    },
    acknowledge: (ack) => session?.receiveAck(ack),
  });

  function finish(end: Omit<CallEnd, 'wasAnswered'>): void {
    if (state === 'ended') return;
    const wasAnswered = state === 'answered';
    state = 'ended';
    stopRinging();
    detach();
    events.ended?.({ ...end, wasAnswered });
  }

  function sessionOf(of: Dialog): Session {
    return createSession({ stack, dialog: of, authorizer, events: () => events, onEnd: finish });
  }

  let stopRinging = clock.after(options.ringMs ?? 60_000, () => cancel({ by: 'us', status: 408, reason: 'no answer' }));

  function nextSeq(): number {
    dialog = { ...dialog, localSeq: dialog.localSeq + 1 };
    return dialog.localSeq;
  }

  function build(): SipRequest {
    const { expiresS } = stack.timer;
    const timer = timerHeaders({ expiresS: expiresS === null && timing ? timing.expiresS : expiresS, minS });
    const headers: Header[] = [
      ...abilities,
      ...timer,
      ...(options.replaces
        ? ([
            ['Replaces', formatReplaces(options.replaces)],
            ['Require', 'replaces'],
          ] as const)
        : []),
      ...(options.headers ?? []),
    ];
    const { sdp, maxForwards = 70 } = options;
    const request = requestIn(dialog, 'INVITE', { seq: nextSeq(), headers, ...(sdp === null ? {} : { body: Buffer.from(sdp) }) });
    return {
      ...request,
      headers: request.headers.map(([name, value]): Header => [name, name === 'Max-Forwards' ? String(maxForwards) : value]),
    };
  }

  async function before(request: SipRequest, target: Target): Promise<boolean> {
    if (cancelled) return false;
    sent = { uri: request.uri, seq: dialog.localSeq, via: header(request, 'Via') ?? '', routes: values(request, 'Route'), target };
    wasProvisional = false;
    wasCancelSent = false;
    dialog = { ...dialog, invite: sent };
    await stack.save(dialog);
    return cancelled === null;
  }

  function onProvisional(response: SipResponse) {
    if (state !== 'setup' && state !== 'early') return;
    wasProvisional = true;
    if (cancelled) return sendCancel();
    const remoteTag = tag(response, 'To');
    if (response.status === 100 || remoteTag === null) return;
    const isNew = !branches.has(remoteTag);
    const branch = branches.get(remoteTag) ?? { dialog: dialogOfResponse(dialog, response), lastRSeq: null };
    branches.set(remoteTag, branch);
    state = 'early';
    // UPDATE and PRACK inside the early dialog use up CSeq numbers.
    if (session === null || session.dialog().remoteTag !== remoteTag) {
      session = sessionOf({ ...branch.dialog, localSeq: currentDialog().localSeq });
      if (options.sdp !== null) session.described(options.sdp);
    }
    // A process that takes over needs the tag to end the dialog.
    if (isNew) void stack.save(currentDialog()).catch(() => {}); // the row already exists, without the tag
    const sdp = sdpOf(response);
    if (lists(response, 'Require', '100rel')) {
      const rseq = numberOf(response, 'RSeq');
      if (rseq === null || (branch.lastRSeq !== null && rseq !== branch.lastRSeq + 1)) return;
      branch.lastRSeq = rseq;
      void acknowledgeProvisional(response, rseq, sdp); // never rejects
    }
    events.provisional?.({ status: response.status, sdp: options.sdp === null ? null : sdp, branch: remoteTag });
  }

  async function acknowledgeProvisional(response: SipResponse, rseq: number, sdp: string | null): Promise<void> {
    const sequence = cseq(response);
    const reply = options.sdp === null && sdp !== null ? await replyTo(sdp) : null;
    const body = reply === null ? {} : { body: Buffer.from(reply) };
    await session?.request('PRACK', { headers: [['RAck', `${rseq} ${sequence?.number ?? 0} INVITE`]], ...body });
  }

  /** The first 2xx is the call; any other branch is acknowledged and hung up (RFC 3261, section 13.2.2.4). */
  function onAnswer(response: SipResponse): void {
    const remoteTag = tag(response, 'To');
    const confirmed = { ...dialogOfResponse(dialog, response), localSeq: currentDialog().localSeq };
    if (session?.dialog().remoteTag === (remoteTag ?? '')) session.change({ ...confirmed, remoteSeq: session.dialog().remoteSeq });
    else session = sessionOf(confirmed);
    session.learn(response);
    if (options.sdp !== null) session.described(options.sdp);
    stopRinging();
    if (cancelled) {
      // The answer crossed the CANCEL: acknowledge it and hang up.
      const { by, status, reason, q850 } = cancelled;
      session.acknowledge(response, null);
      session.bye({ by, status, reason, q850: null }, q850 === undefined ? {} : { q850 });
      return;
    }
    state = 'answered';
    session.startTimer(timerOfAnswer(response));
    const sdp = sdpOf(response);
    events.answered?.({ sdp: options.sdp === null ? null : sdp });
    void settle(session, response, sdp);
  }
  /** Stores the dialog before the ACK: a peer acknowledged by a process that then lost the call would never be hung up. */
  async function settle(of: Session, response: SipResponse, sdp: string | null): Promise<void> {
    const reply = options.sdp === null && sdp !== null ? await replyTo(sdp) : null;
    const isStored = await stack.save(of.dialog()).then(
      () => true,
      () => false,
    );
    of.acknowledge(response, reply);
    if (!isStored) of.bye({ by: 'us', status: null, reason: 'the dialog could not be stored', q850: null });
    else if (options.sdp === null && reply === null) of.bye({ by: 'us', status: null, reason: 'no common codec', q850: null });
  }
  async function replyTo(sdp: string): Promise<string | null> {
    try {
      const reply = await events.offer?.(sdp);
      return reply && !('refuse' in reply) ? reply.sdp : null;
    } catch {
      return null; // the handler reports its own errors
    }
  }

  function onAnotherAnswer(response: SipResponse) {
    if (session && session.dialog().remoteTag === (tag(response, 'To') ?? '')) return session.repeatAck(response);
    const remoteTag = tag(response, 'To') ?? '';
    const other = others.get(remoteTag);
    if (other) return other.repeatAck(response);
    const of = createSession({
      stack,
      dialog: { ...dialogOfResponse(dialog, response), localSeq: dialog.localSeq },
      authorizer,
      events: () => ({}),
      onEnd: () => {}, // the call goes on at the first phone
    });
    others.set(remoteTag, of);
    of.acknowledge(response, null);
    of.bye({ by: 'us', status: null, reason: 'another phone answered first', q850: null });
  }

  function sendCancel(): void {
    if (wasCancelSent || !sent || !cancelled) return;
    wasCancelSent = true;
    const { by, status, reason, q850 } = cancelled;
    stack.linger(requester.sendAs(cancelOf(dialog, sent, reasonHeaders(q850)), sent.target)); // the INVITE ends by itself
    // Stop waiting for a peer that never ends its INVITE (RFC 3261, section 9.1).
    stopRinging();
    stopRinging = clock.after(transactionMs, () => finish({ by, status, reason, q850: null }));
  }
  function cancel(why: NonNullable<typeof cancelled>): void {
    if (cancelled || (state !== 'setup' && state !== 'early')) return;
    cancelled = why;
    stopRinging();
    // A CANCEL sent before the first response might overtake the INVITE.
    if (wasProvisional) sendCancel();
  }

  function onOutcome({ status, reason, response }: Outcome) {
    if (response && status < 300) return onAnswer(response);
    if (response && status === 422 && !cancelled) {
      const leastS = numberOf(response, 'Min-SE');
      if (leastS !== null && leastS > minS && leastS <= 86_400) {
        minS = leastS;
        timing = { expiresS: Math.max(leastS, stack.timer.expiresS ?? 0), isRefresher: true };
        session = null;
        void start();
        return;
      }
    }
    if (cancelled) return finish({ ...cancelled, q850: response ? q850Of(response) : null });
    finish({ by: response ? 'peer' : 'network', status, reason, q850: response ? q850Of(response) : null });
  }

  async function start(): Promise<void> {
    await requester.send({ build, nextHop: nextHopOf(base), authorizer, before, onProvisional, onAnotherAnswer, onOutcome });
  }

  if ((options.maxForwards ?? 70) < 0) queueMicrotask(() => finish({ by: 'network', status: 483, reason: 'Too Many Hops', q850: null }));
  else
    void start().catch((error: unknown) => {
      // The dialog could not be stored, so nothing was sent.
      finish({ by: 'us', status: 500, reason: Error.isError(error) ? error.message : 'the dialog could not be stored', q850: null });
    });

  return {
    id: base.callId,
    direction: 'out',
    from: caller,
    to: callee,
    dialog: currentDialog,
    state: () => state,
    reInvite: (sdp) => (state === 'answered' && session ? session.modify('INVITE', sdp) : Promise.resolve({ status: 481, sdp: null })),
    update: (sdp) => session?.modify('UPDATE', sdp) ?? Promise.resolve({ status: 481, sdp: null }),
    hangUp({ q850 }: HangUp = {}) {
      if (state === 'answered') session?.bye({ by: 'us', status: null, reason: 'hung up', q850: null }, q850 === undefined ? {} : { q850 });
      else cancel({ by: 'us', status: 487, reason: 'cancelled', ...(q850 === undefined ? {} : { q850 }) });
    },
    refer: (to, { replaces } = {}) => session?.refer(referTo(to, replaces)) ?? Promise.resolve({ status: 481, outcome: null }),
    info: async (contentType, body) => (await session?.request('INFO', { body: Buffer.from(body), contentType }))?.status ?? 481,
  };
}

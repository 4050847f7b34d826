/**
 * A SIP user agent: calls both ways over one set of transports.
 *
 * ```ts
 * const transports = await openTransports({ listen: [{ protocol: 'udp', address: '192.0.2.1', port: 0 }] });
 * const agent = createUserAgent({
 *   transports,
 *   save: (dialog) => rows.store(dialog.callId, dialog),          // before INVITE, 200, re-INVITE and BYE leave
 *   on: {
 *     incoming(call) {
 *       call.listen({ offer: (sdp) => ({ sdp: answerTo(sdp) }), dtmf: (digit) => …, ended: ({ by, status }) => … });
 *       call.ring();
 *       const answer = answerOffer(call.offer ?? '', local);       // offer-answer.ts
 *       if (answer.refused) call.reject(488, { sdp: answer.sdp });
 *       else void call.answer(answer.sdp);
 *     },
 *   },
 * });
 * const call = agent.invite(
 *   { to: 'sip:+79995553322@trunk.example.com', from: 'sip:100@trunk.example.com', sdp: createOffer(local), credentials },
 *   { provisional: ({ status, sdp }) => …, answered: ({ sdp }) => readAnswer(sdp, local), ended: (end) => … },
 * );
 * await call.reInvite(createOffer({ ...local, version: 2, direction: 'sendonly' }));   // hold
 * await call.refer('sip:200@trunk.example.com');                                       // blind transfer
 * call.hangUp();                                                                       // CANCEL, BYE or a refusal, as its state demands
 * for (const dialog of await rows.ofDeadProcesses()) await agent.abandon(dialog);      // CANCEL or BYE for what another process held
 * ```
 */
import { createAuthorizer } from './authorizer.ts';
import { isReadable } from './body.ts';
import type { Call, CallEvents, IncomingCall, OutgoingCall } from './call.ts';
import type { Channel } from './client-transaction.ts';
import { type Clock, closableClock, type RandomBytes, randomShare, randomToken, systemClock, systemRandom } from './clock.ts';
import { cancelOf, type Dialog, dialogOfResponse, nextHopOf, type ReceivedInvite, requestIn } from './dialog.ts';
import type { Credentials } from './digest.ts';
import { createIncomingCall, type IncomingControl } from './incoming-call.ts';
import { type NameService, type Protocol, systemNames } from './locate.ts';
import {
  callId,
  cseq,
  formatVia,
  type Header,
  header,
  parseMessage,
  parseVia,
  responseTo,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  serialise,
  tag,
  topVia,
  values,
} from './message.ts';
import { createOutgoingCall, type InviteOptions } from './outgoing-call.ts';
import { readReplaces } from './refer.ts';
import { type RegisterOptions, type Registration, type RegistrationState, register } from './registration.ts';
import { createRequester } from './requester.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { acceptTimer, type SessionTimerSettings } from './session-timer.ts';
import { abilities, type DialogReceiver, extensions, methods, newTag, type Stack } from './stack.ts';
import { createTransactions } from './transactions.ts';
import type { Flow, Transports } from './transport.ts';
import { formatHostPort, parseUri, type SipUri, splitOutside } from './uri.ts';

export interface TracedMessage {
  readonly isSent: boolean;
  readonly message: SipMessage;
  readonly protocol: string;
  /** Of the peer. */
  readonly address: string;
  readonly port: number;
}
export interface UserAgentOptions {
  readonly transports: Transports;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  readonly names?: NameService;
  /** Stores the state of a dialog for `abandon` in another process. INVITE, 200, re-INVITE and BYE are sent after it has resolved. */
  readonly save?: (dialog: Dialog) => Promise<void>;
  /**
   * The Contact of the instance that holds the call with this Call-ID and caller's tag; null if there is none. Several instances share a
   * port for first contacts, and a CANCEL or the ACK of a refusal goes where the INVITE went.
   */
  readonly holderOf?: (callId: string, fromTag: string) => Promise<string | null>;
  readonly timer?: Partial<SessionTimerSettings>;
  readonly limits?: Partial<Limits>;
  /** Header User-Agent. */
  readonly name?: string;
  readonly on?: {
    /** A call rings: `listen`, then `ring`, `answer` or `reject` it. Without this handler calls get 480. */
    incoming?(call: IncomingCall): void;
    /** Every message in either direction. */
    trace?(message: TracedMessage): void;
  };
}
export interface Limits {
  /** Maximum simultaneous calls; further INVITEs get 503 with Retry-After. */
  readonly calls: number;
  /** Maximum INVITEs of new calls per second. */
  readonly invitesPerS: number;
  /** Maximum transactions of incoming requests. */
  readonly transactions: number;
}

export interface Ping {
  /** False if nothing came back in time or the request could not be sent. */
  readonly isAnswered: boolean;
  /** Status of the final response; 408 without any, 503 if the request could not be sent. */
  readonly status: number;
  readonly reason: string;
  readonly tookMs: number;
  /** Methods that the peer supports. */
  readonly allow: readonly string[];
  readonly supported: readonly string[];
  readonly server: string | null;
}

/** The reaction of the peer of a dead process: it confirmed the end, does not know the call, refused, or did not respond within 32 s. */
export type Abandoned = 'ended' | 'unknown' | 'refused' | 'unreachable';

export interface UserAgent {
  invite(options: InviteOptions, events: CallEvents): OutgoingCall;
  register(options: RegisterOptions, onChange: (state: RegistrationState) => void): Registration;
  /** OPTIONS, which also keeps a NAT open. */
  ping(uri: string, options?: { readonly from?: string; readonly credentials?: Credentials }): Promise<Ping>;
  /** Ends a stored dialog whose process is dead: CANCEL while it rings, BYE once answered. May be repeated. */
  abandon(dialog: Dialog): Promise<Abandoned>;
  calls(): readonly Call[];
  /** Accepts no new calls and leaves shared ports to other instances; resolves once every call has ended. */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Closes the transports without ending live calls: hang up or drain first.
   * @param patience how long the peers of calls that have just ended may take to confirm it; none by default
   */
  close(patience?: AbortSignal): Promise<void>;
}

const defaultLimits: Limits = { calls: 2_000, invitesPerS: 1_000, transactions: 50_000 };
const defaultTimer: SessionTimerSettings = { expiresS: null, minS: 90 };
/** Limit, so that requests of strangers do not cause as many look-ups. */
const mostPassing = 8;
/** Gap between the last known CSeq of a dead process and the first CSeq of the process that ends its dialog. */
const seqGap = 1_000;

export function createUserAgent(options: UserAgentOptions): UserAgent {
  const { transports, random = systemRandom, names = systemNames(), on = {} } = options;
  const clock = closableClock(options.clock ?? systemClock);
  const limits = { ...defaultLimits, ...options.limits };
  const timer = { ...defaultTimer, ...options.timer };
  const transactions = createTransactions(clock);
  const signature: readonly Header[] = options.name === undefined ? [] : [['User-Agent', options.name]];
  /** By Call-ID and the tag of this side. */
  const dialogs = new Map<string, DialogReceiver>();
  const calls = new Set<Call>();
  /** Unanswered INVITEs by transaction. */
  const ringing = new Map<ServerTransaction, IncomingControl>();
  /** Calls, keyed by the fields that the copies of a forked INVITE share. */
  const merged = new Set<string>();
  /** Pending work of ended calls. */
  const lingering = new Set<Promise<unknown>>();
  /** Handlers for answers to INVITEs of dead processes, by Call-ID. */
  const orphans = new Map<string, (response: SipResponse) => void>();
  let passing = 0;
  let isDraining = false;
  let untilEmpty: (() => void)[] = [];
  let windowStart = 0;
  let invitesInWindow = 0;

  const requester = createRequester({
    transports,
    transactions,
    names,
    clock,
    random,
    trace: (message, { protocol, address, port }) => on.trace?.({ isSent: true, message, protocol, address, port }),
  });
  const stack: Stack = {
    clock,
    random,
    requester,
    timer,
    save: options.save ?? (() => Promise.resolve()),
    linger(work) {
      const done: Promise<unknown> = work
        .catch(() => {}) // the peer is gone
        .then(() => lingering.delete(done));
      lingering.add(done);
    },
    attach(id, localTag, receiver) {
      const key = `${id} ${localTag}`;
      dialogs.set(key, receiver);
      return () => {
        if (dialogs.get(key) === receiver) dialogs.delete(key);
      };
    },
  };

  function add(call: Call): void {
    calls.add(call);
  }
  function remove(call: Call): void {
    calls.delete(call);
    if (calls.size > 0) return;
    for (const resolve of untilEmpty.splice(0)) resolve();
  }

  /** The URI at which peers reach this instance, as seen from the given place. */
  function contactAt(protocol: 'udp' | 'tcp' | 'tls', isIpv6: boolean, user: string | null): string | null {
    const place = transports.local(protocol, isIpv6);
    if (!place) return null;
    return `sip:${user === null ? '' : `${user}@`}${formatHostPort(place.host, place.port)}${protocol === 'udp' ? '' : `;transport=${protocol}`}`;
  }

  function channelOf(request: SipRequest, flow: Flow): Channel {
    const via = topVia(request);
    // Without `rport` a datagram goes back to the port that the Via names (RFC 3261, section 18.2.2; RFC 3581).
    const port = flow.protocol === 'udp' && via && !via.params.has('rport') ? (via.port ?? 5060) : flow.port;
    return {
      isReliable: flow.protocol !== 'udp',
      send(message) {
        on.trace?.({ isSent: true, message, protocol: flow.protocol, address: flow.address, port });
        return flow.reply(serialise(message), port);
      },
    };
  }
  /** Refuses without a transaction, at minimal cost. */
  function refuse(request: SipRequest, flow: Flow, status: number, headers: readonly Header[] = []) {
    if (request.method === 'ACK') return;
    const response = responseTo(request, status, { toTag: newTag(random), headers: [...headers, ...signature] });
    channelOf(request, flow)
      .send(response)
      .catch(() => {}); // the peer has gone
  }

  function receive(bytes: Uint8Array, flow: Flow) {
    const { message: read, malformed } = parseMessage(bytes);
    if (read === null) return;
    const { protocol, address, port } = flow;
    on.trace?.({ isSent: false, message: read, protocol, address, port });
    if (read.kind === 'response') {
      // An unmatched response is a late copy or not for this instance.
      if (!transactions.receiveResponse(read)) orphans.get(callId(read))?.(read);
      return;
    }
    const request = withSource(read, flow);
    if (malformed) return refuse(request, flow, malformed.status);
    if (transactions.receiveKnown(request)) return;
    receiveRequest(request, flow);
  }

  function receiveRequest(request: SipRequest, flow: Flow) {
    const toTag = tag(request, 'To');
    const dialog = toTag === null ? undefined : dialogs.get(`${callId(request)} ${toTag}`);
    if (request.method === 'ACK') {
      if (dialog) dialog.acknowledge(request);
      else if (!transactions.inviteOf(request)) void passOn(request); // never rejects
      return;
    }
    if (transactions.incoming() >= limits.transactions) return refuse(request, flow, 503, retryAfter());
    if (request.method === 'CANCEL') return receiveCancel(request, flow);
    if (toTag !== null) {
      if (!dialog) return refuse(request, flow, 481);
      const transaction = accept(request, flow);
      return dialog.receive(request, transaction);
    }
    switch (request.method) {
      case 'INVITE':
        return receiveInvite(request, flow);
      case 'OPTIONS':
        return refuse(request, flow, isDraining ? 503 : 200, isDraining ? retryAfter() : [...abilities, ['Accept', 'application/sdp']]);
      case 'BYE':
      case 'INFO':
      case 'UPDATE':
      case 'PRACK':
      case 'NOTIFY':
        return refuse(request, flow, 481);
      // A transfer of a call in which this side takes no part.
      case 'REFER':
        return refuse(request, flow, 403);
      default:
        return refuse(request, flow, 405, [['Allow', methods.join(', ')]]);
    }
  }

  const accept = (request: SipRequest, flow: Flow, onFailed?: () => void): ServerTransaction =>
    transactions.accept(request, channelOf(request, flow), onFailed ? { failed: onFailed } : {});

  function receiveCancel(cancel: SipRequest, flow: Flow): void {
    const invite = transactions.inviteOf(cancel);
    if (!invite) {
      void passOn(cancel).then((isPassed) => refuse(cancel, flow, isPassed ? 200 : 481)); // never rejects
      return;
    }
    refuse(cancel, flow, 200);
    ringing.get(invite)?.cancelled(cancel);
  }
  /** Forwards a request to the instance that holds the call. Returns false if there is none or too many look-ups are pending. */
  async function passOn(request: SipRequest): Promise<boolean> {
    if (!options.holderOf || passing >= mostPassing) return false;
    passing += 1;
    try {
      const contact = await options.holderOf(callId(request), tag(request, 'From') ?? '');
      const way = contact === null || isOwn(contact) ? null : await requester.reach(contact);
      const [target] = way?.targets ?? [];
      if (!target) return false;
      on.trace?.({ isSent: true, message: request, protocol: target.protocol, address: target.address, port: target.port });
      await transports.send(serialise(request), target);
      return true;
    } catch {
      return false; // the caller sends its CANCEL again, or gives up
    } finally {
      passing -= 1;
    }
  }
  function isOwn(contact: string): boolean {
    const uri = parseUri(contact);
    const own = uri && transports.local(protocolOf(uri), uri.host.includes(':'));
    return own?.host === uri?.host && own?.port === uri?.port;
  }

  const retryAfter = (): readonly Header[] => [['Retry-After', String(2 + Math.floor(randomShare(random) * 8))]];

  function isOverloaded(): boolean {
    const now = clock.now();
    if (now - windowStart >= 1_000) {
      windowStart = now;
      invitesInWindow = 0;
    }
    invitesInWindow += 1;
    return isDraining || calls.size >= limits.calls || invitesInWindow > limits.invitesPerS;
  }

  function receiveInvite(request: SipRequest, flow: Flow) {
    const common = `${callId(request)} ${tag(request, 'From')} ${cseq(request)?.number}`;
    // The same request arrived over another branch (RFC 3261, section 8.2.2.2).
    if (merged.has(common)) return refuse(request, flow, 482);
    if (isOverloaded()) return refuse(request, flow, 503, retryAfter());
    const unknown = values(request, 'Require').filter((each) => !extensions.some((known) => known === each.toLowerCase()));
    if (unknown.length > 0) return refuse(request, flow, 420, [['Unsupported', unknown.join(', ')]]);
    if (!isReadable(request)) return refuse(request, flow, 415, [['Accept', 'application/sdp']]);
    if (values(request, 'Contact').length === 0) return refuse(request, flow, 400);
    const uri = parseUri(request.uri);
    if (!uri) return refuse(request, flow, 416);
    const timing = acceptTimer(request, timer);
    if ('tooShort' in timing) return refuse(request, flow, 422, [['Min-SE', String(timing.tooShort)]]);
    const replaced = replacedBy(request);
    if (typeof replaced === 'number') return refuse(request, flow, replaced);
    const contact = contactAt(flow.protocol, flow.address.includes(':'), uri.user);
    if (contact === null || !on.incoming) return refuse(request, flow, 480);
    const { protocol, address, port } = flow;
    const source = { protocol, address, port, host: address };
    const transaction = transactions.accept(request, channelOf(request, flow), {
      failed: () => control.unreachable(),
      ended: () => {
        ringing.delete(transaction);
        merged.delete(common);
      },
    });
    const control = createIncomingCall({ stack, request, transaction, contact, source, timing, replaces: replaced });
    merged.add(common);
    ringing.set(transaction, control);
    const { call } = control;
    add(call);
    // The handlers of the call are set by `listen`; its end is seen here as well.
    const watched: IncomingCall = {
      ...call,
      listen: (events) =>
        call.listen({
          ...events,
          ended(end) {
            remove(call);
            events.ended?.(end);
          },
        }),
    };
    watched.listen({});
    on.incoming(watched);
  }

  /** The call that an INVITE replaces, null without Replaces, or the status of its refusal (RFC 3891, section 3). */
  function replacedBy(request: SipRequest): Call | null | number {
    const value = header(request, 'Replaces');
    if (value === null) return null;
    const named = readReplaces(value);
    if (!named) return 400;
    const found = [...calls].find((call) => {
      const { callId: id, localTag, remoteTag } = call.dialog();
      return id === named.callId && localTag === named.localTag && remoteTag === named.remoteTag;
    });
    if (!found || found.state() === 'ended') return 481;
    if (found.state() !== 'answered') return found.direction === 'out' ? found : 481;
    return named.isEarlyOnly ? 486 : found;
  }

  transports.receive(receive);

  return {
    invite(invite, events) {
      const hop = parseUri(invite.routes?.[0]?.replace(/^<|>$/g, '') ?? invite.to);
      const protocol = protocolOf(hop);
      const user = parseUri(/<([^>]*)>/.exec(invite.from)?.[1] ?? invite.from)?.user ?? null;
      const contact = contactAt(protocol, hop?.host.includes(':') === true, user) ?? contactAt('udp', false, user) ?? 'sip:invalid';
      const headers = [...(invite.headers ?? []), ...signature];
      const call = createOutgoingCall(
        stack,
        { ...invite, headers },
        { contact },
        {
          ...events,
          ended(end) {
            remove(call);
            events.ended?.(end);
          },
        },
      );
      add(call);
      return call;
    },
    register(registering, onChange) {
      const hop = parseUri(registering.routes?.[0]?.replace(/^<|>$/g, '') ?? registering.registrar);
      const protocol = protocolOf(hop);
      const user = parseUri(registering.address)?.user ?? null;
      const contact = contactAt(protocol, hop?.host.includes(':') === true, user) ?? 'sip:invalid';
      return register(stack, registering, contact, onChange);
    },
    async ping(uri, { from = 'sip:ping@invalid', credentials } = {}) {
      const fromTag = newTag(random);
      const id = randomToken(random, 16);
      let seq = 0;
      const build = (): SipRequest => {
        seq += 1;
        return {
          kind: 'request',
          method: 'OPTIONS',
          uri,
          headers: [
            ['Max-Forwards', '70'],
            ['From', `<${from}>;tag=${fromTag}`],
            ['To', `<${uri}>`],
            ['Call-ID', id],
            ['CSeq', `${seq} OPTIONS`],
            ['Accept', 'application/sdp'],
            ...signature,
          ],
          body: new Uint8Array(0),
        };
      };
      const began = clock.now();
      const { status, reason, response } = await requester.send({
        build,
        nextHop: uri,
        authorizer: createAuthorizer(credentials ?? null, random),
      });
      return {
        isAnswered: response !== null,
        status,
        reason,
        tookMs: clock.now() - began,
        allow: response ? values(response, 'Allow') : [],
        supported: response ? values(response, 'Supported') : [],
        server: response ? (header(response, 'Server') ?? header(response, 'User-Agent')) : null,
      };
    },
    abandon: (dialog) => abandonDialog(dialog),
    calls: () => [...calls],
    async drain(signal) {
      isDraining = true;
      await transports.closeShared();
      if (calls.size === 0) return;
      await new Promise<void>((resolve, reject) => {
        const give = (): void => reject(signal.reason);
        signal.addEventListener('abort', give, { once: true });
        untilEmpty = [
          ...untilEmpty,
          () => {
            signal.removeEventListener('abort', give);
            resolve();
          },
        ];
        if (signal.aborted) give();
      });
    },
    async close(patience = AbortSignal.abort()) {
      await new Promise<void>((resolve) => {
        patience.addEventListener('abort', () => resolve(), { once: true });
        if (patience.aborted || lingering.size === 0) resolve();
        else void Promise.all(lingering).then(() => resolve());
      });
      transactions.close();
      clock.close();
      await transports.close();
    },
  };

  async function refuseReceived({ localTag }: Dialog, { headers, target }: ReceivedInvite): Promise<Abandoned> {
    const invite: SipRequest = { kind: 'request', method: 'INVITE', uri: '', headers, body: new Uint8Array(0) };
    const bytes = serialise(responseTo(invite, 480, { toTag: localTag, headers: signature }));
    const sent = refusalsAtMs.map(async (ms) => {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      await transports.send(bytes, target);
    });
    return (await Promise.allSettled(sent)).some(({ status }) => status === 'fulfilled') ? 'ended' : 'unreachable';
  }

  async function byeOf(dialog: Dialog): Promise<Abandoned> {
    const authorizer = createAuthorizer(null, random);
    let seq = dialog.localSeq + seqGap;
    const build = (): SipRequest => {
      seq += 1;
      return requestIn(dialog, 'BYE', { seq, headers: signature });
    };
    return meaning((await requester.send({ build, nextHop: nextHopOf(dialog), authorizer })).status);
  }
  /**
   * Handles a phone that answers just as its caller's process dies. It repeats its answer, which alone has its tag, to the port of the dead
   * process: this process listens on the port, acknowledges and hangs up.
   */
  async function endAnswered(dialog: Dialog, port: number): Promise<void> {
    const leave = await transports.hearPort(port);
    if (leave === null) return;
    try {
      const response = await new Promise<SipResponse | null>((resolve) => {
        orphans.set(dialog.callId, (each) => {
          if (each.status >= 200 && cseq(each)?.method === 'INVITE') resolve(each);
        });
        clock.after(answerMs, () => resolve(null));
      });
      if (response === null || response.status >= 300) return;
      const confirmed = { ...dialogOfResponse(dialog, response), localSeq: dialog.localSeq };
      const ack = requestIn(confirmed, 'ACK', { seq: cseq(response)?.number ?? 0 });
      await requester.ack(ack, nextHopOf(confirmed))();
      await byeOf(confirmed);
    } finally {
      orphans.delete(dialog.callId);
      await leave();
    }
  }

  async function abandonDialog(dialog: Dialog): Promise<Abandoned> {
    const bye = (): Promise<Abandoned> => byeOf(dialog);
    if (dialog.role === 'callee') {
      const ended = dialog.isConfirmed ? await bye() : 'unknown';
      // The 200 may never have been sent.
      return ended === 'unknown' && dialog.received ? refuseReceived(dialog, dialog.received) : ended;
    }
    if (dialog.isConfirmed) return bye();
    if (!dialog.invite) return 'unknown';
    const port = parseUri(dialog.contact)?.port ?? null;
    if (dialog.invite.target.protocol === 'udp' && port !== null) endAnswered(dialog, port).catch(() => {}); // it has ended meanwhile
    const { status } = await requester.sendAs(cancelOf(dialog, dialog.invite), dialog.invite.target);
    // The INVITE has been answered; the tag of an early response identifies the remaining call.
    if (status === 481 && dialog.remoteTag !== null) return bye();
    return meaning(status);
  }
}

function protocolOf(uri: SipUri | null): Protocol {
  const asked = uri?.scheme === 'sips' ? 'tls' : uri?.params.get('transport')?.toLowerCase();
  return asked === 'tcp' || asked === 'tls' ? asked : 'udp';
}

/** How long an answer is repeated (RFC 3261, section 13.3.1.4). */
const answerMs = 32_000;
/** When to refuse the INVITE of a caller that still waits. Nothing confirms the refusal, so it is sent three times. */
const refusalsAtMs = [0, 500, 1_500];

function meaning(status: number): Abandoned {
  if (status < 300) return 'ended';
  if (status === 481 || status === 487) return 'unknown';
  return status === 408 || status === 503 ? 'unreachable' : 'refused';
}

/** Writes the source of a request into its top Via, for the response (RFC 3261, section 18.2.1; RFC 3581, section 4). */
function withSource(request: SipRequest, flow: Flow): SipRequest {
  const at = request.headers.findIndex(([name]) => name === 'Via');
  const line = request.headers[at];
  if (!line) return request;
  const [first = '', ...rest] = splitOutside(line[1], ',');
  const via = parseVia(first.trim());
  if (!via || (via.host === flow.address && !via.params.has('rport'))) return request;
  const params = new Map(via.params);
  if (via.host !== flow.address || params.has('rport')) params.set('received', flow.address);
  if (params.has('rport')) params.set('rport', String(flow.port));
  const value = [formatVia({ ...via, params }), ...rest.map((each) => each.trim())].join(', ');
  return { ...request, headers: request.headers.with(at, ['Via', value]) };
}

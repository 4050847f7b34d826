/** Dialogs: the state that two user agents share during a call (RFC 3261, section 12). */
import type { Target } from './locate.ts';
import { address, callId, contactUri, cseq, type Header, type SipRequest, type SipResponse, tag, values } from './message.ts';
import { formatNameAddress, type NameAddress, parseNameAddress, parseUri } from './uri.ts';

/** Plain JSON, so that another process can end the call if this one dies. */
export interface Dialog {
  readonly callId: string;
  readonly role: 'caller' | 'callee';
  readonly isConfirmed: boolean;
  readonly localTag: string;
  /** Null before the first response of the callee. */
  readonly remoteTag: string | null;
  /** Name and URI without the tag. */
  readonly local: string;
  readonly remote: string;
  /** URI of this side's Contact. */
  readonly contact: string;
  /** The last CSeq number of this side. */
  readonly localSeq: number;
  readonly remoteSeq: number | null;
  /** Route values of requests from this side. */
  readonly routes: readonly string[];
  /** URI of the peer's Contact. */
  readonly remoteTarget: string;
  /** The INVITE of the caller, which a CANCEL must match. */
  readonly invite: SentInvite | null;
  /** The INVITE of the peer, needed to refuse it. */
  readonly received: ReceivedInvite | null;
}
export interface ReceivedInvite {
  /** The headers that a response copies. */
  readonly headers: readonly Header[];
  readonly target: Target;
}
export interface SentInvite {
  readonly uri: string;
  readonly seq: number;
  /** The whole value. */
  readonly via: string;
  readonly routes: readonly string[];
  readonly target: Target;
}

const withoutTag = ({ display, uri }: NameAddress): string => formatNameAddress({ display, uri });

/** The callee's side. */
export function dialogOfInvite(
  request: SipRequest,
  { localTag, contact, source }: { localTag: string; contact: string; source: Target },
): Dialog {
  const from = address(request, 'From');
  return {
    callId: callId(request),
    role: 'callee',
    isConfirmed: false,
    localTag,
    remoteTag: from.params.get('tag') ?? '',
    local: withoutTag(address(request, 'To')),
    remote: withoutTag(from),
    contact,
    localSeq: 0,
    remoteSeq: cseq(request)?.number ?? null,
    routes: values(request, 'Record-Route'),
    remoteTarget: contactUri(request) ?? from.uri,
    invite: null,
    received: {
      headers: request.headers.filter(
        ([name]) => name === 'Via' || name === 'From' || name === 'To' || name === 'Call-ID' || name === 'CSeq',
      ),
      target: source,
    },
  };
}

/** The caller's side, updated from a response of one branch of the fork. Routes are those of the last response, in reverse order. */
export function dialogOfResponse(dialog: Dialog, response: SipResponse): Dialog {
  return {
    ...dialog,
    isConfirmed: dialog.isConfirmed || (response.status >= 200 && response.status < 300),
    remoteTag: tag(response, 'To') ?? '',
    routes: values(response, 'Record-Route').toReversed(),
    remoteTarget: contactUri(response) ?? dialog.remoteTarget,
  };
}

export interface DialogRequest {
  readonly seq: number;
  readonly headers?: readonly Header[];
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

/** A request inside the dialog, without Via (RFC 3261, section 12.2.1.1). */
export function requestIn(
  dialog: Dialog,
  method: string,
  { seq, headers = [], body = new Uint8Array(0), contentType }: DialogRequest,
): SipRequest {
  const [first, ...rest] = dialog.routes;
  const firstUri = first === undefined ? null : (parseNameAddress(first)?.uri ?? null);
  // A first proxy without `lr` is a strict router: it becomes the Request-URI, and the target goes last.
  const isStrict = firstUri !== null && parseUri(firstUri)?.params.has('lr') !== true;
  const routes = isStrict ? [...rest, `<${dialog.remoteTarget}>`] : dialog.routes;
  const hasContact = method === 'INVITE' || method === 'UPDATE' || method === 'REFER' || method === 'NOTIFY';
  return {
    kind: 'request',
    method,
    uri: isStrict ? firstUri : dialog.remoteTarget,
    headers: [
      ...routes.map((route): Header => ['Route', route]),
      ['Max-Forwards', '70'],
      ['From', `${dialog.local};tag=${dialog.localTag}`],
      ['To', dialog.remoteTag ? `${dialog.remote};tag=${dialog.remoteTag}` : dialog.remote],
      ['Call-ID', dialog.callId],
      ['CSeq', `${seq} ${method}`],
      ...(hasContact ? ([['Contact', `<${dialog.contact}>`]] as const) : []),
      ...headers,
      ...(body.length > 0 ? ([['Content-Type', contentType ?? 'application/sdp']] as const) : []),
    ],
    body,
  };
}

/** The URI whose host a request inside the dialog is sent to. */
export function nextHopOf(dialog: Dialog): string {
  const [first] = dialog.routes;
  return first === undefined ? dialog.remoteTarget : (parseNameAddress(first)?.uri ?? dialog.remoteTarget);
}

/** The CANCEL of a sent INVITE (RFC 3261, section 9.1), Via included. */
export function cancelOf(dialog: Dialog, invite: SentInvite, headers: readonly Header[] = []): SipRequest {
  return {
    kind: 'request',
    method: 'CANCEL',
    uri: invite.uri,
    headers: [
      ['Via', invite.via],
      ...invite.routes.map((route): Header => ['Route', route]),
      ['Max-Forwards', '70'],
      ['From', `${dialog.local};tag=${dialog.localTag}`],
      ['To', dialog.remote],
      ['Call-ID', dialog.callId],
      ['CSeq', `${invite.seq} CANCEL`],
      ...headers,
    ],
    body: new Uint8Array(0),
  };
}

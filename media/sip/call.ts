/** The interface of a call for the code above the user agent. */
import type { Dialog } from './dialog.ts';
import type { Header, SipMessage } from './message.ts';
import type { NameAddress } from './uri.ts';

export type EndedBy = 'us' | 'peer' | 'network';

export interface CallEnd {
  readonly by: EndedBy;
  /** The final status of an INVITE that was not answered: 486 busy, 487 cancelled, 408 no response; null after an answer. */
  readonly status: number | null;
  readonly reason: string;
  /** The cause in the header Reason, as sent by ISDN gateways (RFC 3326). */
  readonly q850: number | null;
  readonly wasAnswered: boolean;
}

/** The answer to an offer of the peer, or a refusal with a description that this side supports. */
export type OfferReply = { readonly sdp: string } | { readonly refuse: number; readonly sdp?: string };

/** A REFER of the peer, which asks this side to call a URI (RFC 3515). */
export interface Referral {
  readonly to: string;
  /** The dialog that the new call replaces, from the URI (RFC 3891). */
  readonly replaces: ReplacedDialog | null;
  readonly referredBy: string | null;
  /** Accepts the referral; `notify` then reports the progress until a final status. */
  accept(): { notify(status: number): void };
  reject(status: number): void;
}
/** Tags from the view of the side that receives them. */
export interface ReplacedDialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
}

export interface CallEvents {
  /** 180 or 183 of the callee; `sdp` is early media. `branch` distinguishes the phones of a fork. */
  provisional?(progress: { readonly status: number; readonly sdp: string | null; readonly branch: string }): void;
  /** The callee answered; called in the same tick as its 200. `sdp` is null if the offer was the peer's, with which `offer` was called. */
  answered?(answer: { readonly sdp: string | null }): void;
  /** The caller acknowledged the 200. `sdp` is its answer when the offer was this side's. */
  acknowledged?(acknowledgement: { readonly sdp: string | null }): void;
  /** The peer offers other media, for example for hold, or with null asks for an offer. Without a handler it gets 488. */
  offer?(sdp: string | null): OfferReply | Promise<OfferReply>;
  /** The peer answered an offer that it had requested. */
  answer?(sdp: string): void;
  referred?(referral: Referral): void;
  /** A digit by INFO (`application/dtmf-relay` or `application/dtmf`). */
  dtmf?(digit: string, durationMs: number): void;
  /** Called exactly once, however the call ends. */
  ended?(end: CallEnd): void;
}

export interface ReferResult {
  /** The response to REFER. */
  readonly status: number;
  /** The outcome of the peer's own call, by its NOTIFY; null if it did not report. */
  readonly outcome: number | null;
}

export interface HangUp {
  /** Sent in the header Reason. */
  readonly q850?: number;
}

export interface Call {
  /** The Call-ID. */
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly from: NameAddress;
  readonly to: NameAddress;
  dialog(): Dialog;
  state(): 'setup' | 'early' | 'answered' | 'ended';
  /** Offers other media, or with null asks the peer for an offer. Resolves with the response; `sdp` is the peer's answer. */
  reInvite(sdp: string | null): Promise<{ readonly status: number; readonly sdp: string | null }>;
  /** The same by UPDATE, which also works before the answer (RFC 3311). */
  update(sdp: string): Promise<{ readonly status: number; readonly sdp: string | null }>;
  /** Ends the call in any state: CANCEL, BYE or a refusal. A repeat does nothing. */
  hangUp(options?: HangUp): void;
  /** Asks the peer to call `to`; with `replaces`, to take this side's place in that other call. */
  refer(to: string, options?: { readonly replaces?: Call }): Promise<ReferResult>;
  /** Resolves with the status of the response. */
  info(contentType: string, body: string): Promise<number>;
}

export interface OutgoingCall extends Call {
  readonly direction: 'out';
}

export interface IncomingCall extends Call {
  readonly direction: 'in';
  /** The user part of the Request-URI: the number that was called. */
  readonly requestUri: string;
  /** Null: the caller expects the offer from this side. */
  readonly offer: string | null;
  /** The call that this one replaces; it is hung up once this one is answered. */
  readonly replaces: Call | null;
  /** Remaining hops for a call that results from this one; below 0 that call ends with 483. */
  readonly maxForwards: number;
  readonly headers: readonly Header[];
  /** Sets the handlers; if the call has already ended, that is reported at once. */
  listen(events: CallEvents): void;
  /** 180, or 183 with early media. Reliable where the caller demands it (RFC 3262). */
  ring(progress?: { readonly status?: number; readonly sdp?: string }): void;
  /**
   * Resolves once the 200 has been sent, or to false if the call had ended before. Rejects, and refuses the call, if the dialog could not
   * be stored.
   */
  answer(sdp: string): Promise<boolean>;
  /** Refuses the call; a repeat does nothing. */
  reject(status: number, options?: { readonly sdp?: string; readonly retryAfterS?: number; readonly q850?: number }): void;
}

/** The cause of Reason: `Q.850;cause=16`. */
export function q850Of(message: SipMessage): number | null {
  for (const [name, value] of message.headers) {
    const match = name === 'Reason' ? /\bQ\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})/i.exec(value) : null;
    if (match) return Number(match[1]);
  }
  return null;
}
export function reasonHeaders(q850: number | undefined): Header[] {
  return q850 === undefined ? [] : [['Reason', `Q.850;cause=${q850}`]];
}

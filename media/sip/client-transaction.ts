/** Client transactions: requests that this side sends (RFC 3261, section 17.1; RFC 6026). */
import type { Clock } from './clock.ts';
import { cseq, header, type SipRequest, type SipResponse } from './message.ts';
import { t1, t2, t4, transactionMs } from './timers.ts';

/** Sends the messages of one transaction. */
export interface Channel {
  readonly isReliable: boolean;
  /** Rejects if the message cannot be sent. */
  send(message: SipRequest | SipResponse): Promise<void>;
}
export interface ClientEvents {
  /** Each response except repeated refusals; for an INVITE also each repeated 2xx. */
  response(response: SipResponse): void;
  /** There will be no final response. */
  failed(why: 'timeout' | 'unreachable'): void;
  /** Nothing more will come. */
  ended(): void;
}
export interface ClientTransaction {
  receive(response: SipResponse): void;
  /** Ends at once, without further events. */
  stop(): void;
}

/** Sends the request, and resends it until there is a response. Responses are matched by the branch of its top Via. */
export function startClientTransaction(request: SipRequest, channel: Channel, clock: Clock, on: ClientEvents): ClientTransaction {
  const isInvite = request.method === 'INVITE';
  let state: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'ended' = 'calling';
  let stopResending = (): void => {};
  let stopWaiting = (): void => {};

  function end(): void {
    if (state === 'ended') return;
    state = 'ended';
    stopResending();
    stopWaiting();
    on.ended();
  }
  function fail(why: 'timeout' | 'unreachable'): void {
    if (state !== 'calling' && state !== 'proceeding') return;
    on.failed(why);
    end();
  }
  function send(message: SipRequest): void {
    channel.send(message).catch(() => fail('unreachable'));
  }
  function resendAfter(ms: number): void {
    // An INVITE waits twice as long each time (timer A), any other request up to T2 (timer E).
    stopResending = clock.after(ms, () => {
      send(request);
      resendAfter(isInvite ? ms * 2 : state === 'proceeding' ? t2 : Math.min(ms * 2, t2));
    });
  }
  function waitFor(ms: number, then: () => void): void {
    stopWaiting();
    stopWaiting = clock.after(ms, then);
  }

  send(request);
  if (!channel.isReliable) resendAfter(t1);
  waitFor(transactionMs, () => fail('timeout'));

  return {
    receive(response) {
      const { status } = response;
      if (state === 'ended') return;
      if (state === 'completed') {
        // The refusal was repeated: its ACK was lost.
        if (isInvite && status >= 300) send(ackOf(request, response));
        return;
      }
      if (state === 'accepted') {
        if (status >= 200 && status < 300) on.response(response);
        return;
      }
      if (status < 200) {
        state = 'proceeding';
        if (isInvite) {
          // A phone may ring for any time; the caller decides how long.
          stopResending();
          stopWaiting();
        }
        on.response(response);
        return;
      }
      stopResending();
      if (isInvite && status < 300) {
        state = 'accepted';
        waitFor(transactionMs, end);
        on.response(response);
        return;
      }
      state = 'completed';
      if (isInvite) send(ackOf(request, response));
      const lingerMs = channel.isReliable ? 0 : isInvite ? transactionMs : t4;
      waitFor(lingerMs, end);
      on.response(response);
    },
    stop: end,
  };
}

/** The ACK of a refusal belongs to the transaction of its INVITE (RFC 3261, section 17.1.1.3). */
function ackOf(invite: SipRequest, response: SipResponse): SipRequest {
  const via = invite.headers.find(([name]) => name === 'Via');
  return {
    kind: 'request',
    method: 'ACK',
    uri: invite.uri,
    headers: [
      ...(via ? [via] : []),
      ...invite.headers.filter(([name]) => name === 'Route'),
      ['Max-Forwards', '70'],
      ['From', header(invite, 'From') ?? ''],
      ['To', header(response, 'To') ?? ''],
      ['Call-ID', header(invite, 'Call-ID') ?? ''],
      ['CSeq', `${cseq(invite)?.number ?? 0} ACK`],
    ],
    body: new Uint8Array(0),
  };
}

/** Server transactions: requests that this side receives (RFC 3261, section 17.2; RFC 6026). */
import type { Channel } from './client-transaction.ts';
import type { Clock } from './clock.ts';
import { responseTo, type SipRequest, type SipResponse } from './message.ts';
import { t1, t2, t4, transactionMs } from './timers.ts';

export interface ServerEvents {
  /** A refusal of an INVITE was never acknowledged, or a response could not be sent. */
  failed(why: 'timeout' | 'unreachable'): void;
  ended(): void;
}
export interface ServerTransaction {
  readonly request: SipRequest;
  /** Sends a response. After a final one only a 2xx to an INVITE may be sent again. */
  respond(response: SipResponse): void;
  /** Handles a repeat of the request. */
  repeat(): void;
  /** Handles the ACK of a refusal. */
  acknowledge(): void;
  /** Whether a final response was sent. */
  isAnswered(): boolean;
  /** Resolves when the refusal of an INVITE has been acknowledged or no longer can be. */
  settled(): Promise<void>;
  stop(): void;
}

const tryingMs = 200;

export function startServerTransaction(request: SipRequest, channel: Channel, clock: Clock, on: ServerEvents): ServerTransaction {
  const isInvite = request.method === 'INVITE';
  let state: 'proceeding' | 'completed' | 'accepted' | 'confirmed' | 'ended' = 'proceeding';
  let last: SipResponse | null = null;
  let stopResending = (): void => {};
  let stopWaiting = (): void => {};
  let settle = (): void => {};

  function end(): void {
    if (state === 'ended') return;
    state = 'ended';
    settle();
    stopResending();
    stopWaiting();
    on.ended();
  }
  function send(response: SipResponse): void {
    channel.send(response).catch(() => {
      if (state === 'ended') return;
      on.failed('unreachable');
      // A 2xx is repeated, and the peer may have another connection by then.
      if (state !== 'accepted') end();
    });
  }
  function resendAfter(ms: number): void {
    stopResending = clock.after(ms, () => {
      if (last) send(last);
      resendAfter(Math.min(ms * 2, t2));
    });
  }
  if (isInvite) {
    stopResending = clock.after(tryingMs, () => {
      if (last === null) send(responseTo(request, 100));
    });
  }

  return {
    request,
    respond(response) {
      if (state === 'accepted' && response.status >= 200 && response.status < 300) return send(response);
      if (state !== 'proceeding') return;
      last = response;
      if (response.status < 200) return send(response);
      stopResending();
      if (isInvite && response.status < 300) {
        state = 'accepted';
        stopWaiting = clock.after(transactionMs, end);
      } else if (isInvite) {
        state = 'completed';
        if (!channel.isReliable) resendAfter(t1);
        stopWaiting = clock.after(transactionMs, () => {
          on.failed('timeout');
          end();
        });
      } else {
        state = 'completed';
        stopWaiting = clock.after(channel.isReliable ? 0 : transactionMs, end);
      }
      send(response);
    },
    repeat() {
      if (last !== null && (state === 'proceeding' || state === 'completed')) send(last);
      else if (isInvite && state === 'proceeding') send(responseTo(request, 100));
    },
    acknowledge() {
      if (state !== 'completed' || !isInvite) return;
      state = 'confirmed';
      settle();
      stopResending();
      stopWaiting();
      stopWaiting = clock.after(channel.isReliable ? 0 : t4, end);
    },
    isAnswered: () => state !== 'proceeding',
    settled() {
      if (state === 'confirmed' || state === 'ended') return Promise.resolve();
      return new Promise((resolve) => {
        settle = resolve;
      });
    },
    stop: end,
  };
}

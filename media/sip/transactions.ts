/** Matches incoming messages with transactions in progress (RFC 3261, sections 17.1.3 and 17.2.3). */
import { type Channel, type ClientEvents, type ClientTransaction, startClientTransaction } from './client-transaction.ts';
import type { Clock } from './clock.ts';
import { callId, cseq, header, type SipRequest, type SipResponse, tag, topVia } from './message.ts';
import { type ServerEvents, type ServerTransaction, startServerTransaction } from './server-transaction.ts';

export interface Transactions {
  /** Starts a transaction for an outgoing request. */
  send(request: SipRequest, channel: Channel, on: ClientEvents): ClientTransaction;
  /** Returns false if the response belongs to no transaction. */
  receiveResponse(response: SipResponse): boolean;
  /** Returns true for a repeated request and the ACK of a refusal, which are then fully handled. */
  receiveKnown(request: SipRequest): boolean;
  /** Starts a transaction for an incoming request. */
  accept(request: SipRequest, channel: Channel, on?: Partial<ServerEvents>): ServerTransaction;
  /** The transaction of the INVITE named by a CANCEL, or null. */
  inviteOf(cancel: SipRequest): ServerTransaction | null;
  /** Number of transactions of incoming requests. */
  incoming(): number;
  close(): void;
}

const cookie = 'z9hG4bK';

export function createTransactions(clock: Clock): Transactions {
  const outgoing = new Map<string, ClientTransaction>();
  const incoming = new Map<string, ServerTransaction>();

  const clientKey = (message: SipRequest | SipResponse): string =>
    `${topVia(message)?.params.get('branch') ?? ''} ${cseq(message)?.method ?? ''}`;

  return {
    send(request, channel, on) {
      const key = clientKey(request);
      const transaction = startClientTransaction(request, channel, clock, {
        ...on,
        ended: () => {
          outgoing.delete(key);
          on.ended();
        },
      });
      outgoing.set(key, transaction);
      return transaction;
    },
    receiveResponse(response) {
      const transaction = outgoing.get(clientKey(response));
      transaction?.receive(response);
      return transaction !== undefined;
    },
    receiveKnown(request) {
      const transaction = incoming.get(serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method));
      if (!transaction) return false;
      // The ACK of a 2xx is a separate transaction, to which some peers give the branch of the INVITE.
      if (request.method === 'ACK') {
        if (transaction.request.method !== 'INVITE') return false;
        transaction.acknowledge();
        return false;
      }
      transaction.repeat();
      return true;
    },
    accept(request, channel, on = {}) {
      const key = serverKey(request, request.method);
      const transaction = startServerTransaction(request, channel, clock, {
        failed: (why) => on.failed?.(why),
        ended: () => {
          incoming.delete(key);
          on.ended?.();
        },
      });
      incoming.set(key, transaction);
      return transaction;
    },
    inviteOf: (cancel) => incoming.get(serverKey(cancel, 'INVITE')) ?? null,
    incoming: () => incoming.size,
    close() {
      for (const transaction of [...outgoing.values(), ...incoming.values()]) transaction.stop();
    },
  };
}

/** A branch without the magic cookie is from RFC 2543 and not unique by itself. */
function serverKey(request: SipRequest, method: string): string {
  const via = topVia(request);
  const branch = via?.params.get('branch') ?? '';
  const sentBy = `${via?.host} ${via?.port ?? ''}`;
  if (branch.startsWith(cookie)) return `${branch} ${sentBy} ${method}`;
  return [
    callId(request),
    cseq(request)?.number,
    header(request, 'From') && tag(request, 'From'),
    request.uri,
    sentBy,
    branch,
    method,
  ].join(' ');
}

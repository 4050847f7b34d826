/** Sends requests: locates the target, adds Via and credentials, and retries where permitted. */
import type { Authorizer } from './authorizer.ts';
import type { Channel } from './client-transaction.ts';
import { type Clock, type RandomBytes, randomToken } from './clock.ts';
import { locate, type NameService, type Target } from './locate.ts';
import { formatVia, reasonPhrase, type SipMessage, type SipRequest, type SipResponse, serialise } from './message.ts';
import type { Transactions } from './transactions.ts';
import type { Place, Transports } from './transport.ts';
import { parseUri } from './uri.ts';

/** The final response, or a status for its absence: 408 without any, 503 if the request could not be sent. */
export interface Outcome {
  readonly status: number;
  readonly reason: string;
  readonly response: SipResponse | null;
}

export interface RequestToSend {
  /** Builds the request, without Via and credentials; called for each attempt. */
  readonly build: () => SipRequest;
  /** The URI whose host the request goes to. */
  readonly nextHop: string;
  readonly authorizer: Authorizer;
  /** Awaited before sending; false cancels it, and the outcome is 487. */
  readonly before?: (request: SipRequest, target: Target) => Promise<boolean>;
  readonly onProvisional?: (response: SipResponse) => void;
  /** Called for a 2xx of an INVITE after the first: a repeat, or from another branch of the fork. */
  readonly onAnotherAnswer?: (response: SipResponse) => void;
  /** Called in the same tick as the final response; a refusal that leads to a retry is not final. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

export interface Requester {
  send(request: RequestToSend): Promise<Outcome>;
  /** The returned function sends the ACK of a 2xx, which has no transaction; a repeat sends the same bytes. */
  ack(request: SipRequest, nextHop: string): () => Promise<void>;
  /** Sends a request that already has its Via, such as a CANCEL, without retries. */
  sendAs(request: SipRequest, target: Target): Promise<Outcome>;
  /** The targets of a URI and the local place to reach them from; null if it is unreachable. */
  reach(uri: string): Promise<{ readonly targets: readonly Target[]; readonly local: Place } | null>;
}

interface RequesterParts {
  readonly transports: Transports;
  readonly transactions: Transactions;
  readonly names: NameService;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly trace: (message: SipMessage, peer: Target) => void;
}

const outcomeOf = (status: number, response: SipResponse | null = null): Outcome => ({
  status,
  reason: response?.reason ?? reasonPhrase(status),
  response,
});

export function createRequester({ transports, transactions, names, random, trace }: RequesterParts): Requester {
  const channelTo = (target: Target): Channel => ({
    isReliable: target.protocol !== 'udp',
    send(message) {
      trace(message, target);
      return transports.send(serialise(message), target);
    },
  });

  async function reach(text: string) {
    const uri = parseUri(text);
    const targets = uri ? await locate(uri, names) : [];
    const [first] = targets;
    const local = first ? transports.local(first.protocol, first.address.includes(':')) : null;
    return local ? { targets, local } : null;
  }

  const viaAt = (target: Target, local: Place): string =>
    formatVia({
      protocol: target.protocol.toUpperCase(),
      ...local,
      params: new Map([
        ['branch', `z9hG4bK${randomToken(random)}`],
        ['rport', null],
      ]),
    });

  /** Runs one transaction. `failed` is distinct from a response with the same status. */
  function exchange(
    request: SipRequest,
    target: Target,
    handlers: Pick<RequestToSend, 'onProvisional' | 'onAnotherAnswer'>,
    onFinal: (response: SipResponse) => void,
  ): Promise<SipResponse | 'timeout' | 'unreachable'> {
    return new Promise((resolve) => {
      let isFinal = false;
      transactions.send(request, channelTo(target), {
        response(response) {
          if (response.status < 200) return handlers.onProvisional?.(response);
          if (isFinal) return handlers.onAnotherAnswer?.(response);
          isFinal = true;
          onFinal(response);
          resolve(response);
        },
        failed: resolve,
        // After close() there is no outcome to wait for.
        ended: () => resolve('timeout'),
      });
    });
  }

  return {
    reach,
    async send({ build, nextHop, authorizer, before, onOutcome, ...handlers }) {
      const end = (outcome: Outcome): Outcome => {
        onOutcome?.(outcome);
        return outcome;
      };
      const way = await reach(nextHop);
      if (!way) return end(outcomeOf(503));
      const attempt = authorizer.attempt();
      let remaining = [...way.targets];
      for (;;) {
        const [target] = remaining;
        if (!target) return end(outcomeOf(503));
        const bare = build();
        const request: SipRequest = {
          ...bare,
          headers: [['Via', viaAt(target, way.local)], ...bare.headers, ...authorizer.headers(bare.method, bare.uri)],
        };
        if (before && !(await before(request, target))) return end(outcomeOf(487));
        let isAgain = false;
        const found = await exchange(request, target, handlers, (response) => {
          isAgain = attempt.takes(response);
          if (!isAgain) onOutcome?.(outcomeOf(response.status, response));
        });
        if (isAgain) continue;
        if (found === 'unreachable') {
          remaining = remaining.slice(1);
          continue;
        }
        return found === 'timeout' ? end(outcomeOf(408)) : outcomeOf(found.status, found);
      }
    },
    async sendAs(request, target) {
      const found = await exchange(request, target, {}, () => {});
      return found === 'timeout' ? outcomeOf(408) : found === 'unreachable' ? outcomeOf(503) : outcomeOf(found.status, found);
    },
    ack(request, nextHop) {
      const prepared = reach(nextHop).then((way) => {
        const [target] = way?.targets ?? [];
        if (!way || !target) return null;
        return { target, message: { ...request, headers: [['Via', viaAt(target, way.local)] as const, ...request.headers] } };
      });
      return async () => {
        const ready = await prepared;
        if (ready) await channelTo(ready.target).send(ready.message);
      };
    },
  };
}

/** SIP between user agents and scripted peers of one test, without sockets: each message arrives in a turn of its own. */
import type { Protocol } from '../../media/sip/locate.ts';
import {
  type Header,
  header,
  parseMessage,
  responseTo,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  serialise,
} from '../../media/sip/message.ts';
import type { Flow, Transports } from '../../media/sip/transport.ts';
import { until } from './until.ts';

export interface SipNetwork {
  /** Transports of a user agent at that address, port 5060, by UDP unless named. */
  join(address: string, protocol?: Protocol): Transports;
  /** A peer that the test speaks for. */
  peer(address: string): SipPeer;
  /** False loses the message. */
  filter(passes: (message: SipMessage, from: string, to: string) => boolean): void;
  /** All that was sent, lost ones too. */
  readonly sent: readonly { readonly from: string; readonly to: string; readonly message: SipMessage }[];
}
export interface SipPeer {
  readonly received: readonly SipMessage[];
  /** The requests of that method, or the responses to one with `'200 INVITE'`. */
  all(what: string): readonly SipMessage[];
  /** The next one that was not returned before. */
  next(what: string): Promise<SipMessage>;
  nextRequest(method: string): Promise<SipRequest>;
  nextResponse(what: string): Promise<SipResponse>;
  send(message: SipMessage, to: string): void;
  /** A response with this peer's tag and Contact. */
  respond(request: SipRequest, status: number, options?: { tag?: string; headers?: readonly Header[]; sdp?: string }): SipResponse;
}

export function sipNetwork(): SipNetwork {
  const receivers = new Map<string, (bytes: Uint8Array, from: string) => void>();
  const sent: { from: string; to: string; message: SipMessage }[] = [];
  let passes: (message: SipMessage, from: string, to: string) => boolean = () => true;

  function carry(bytes: Uint8Array, from: string, to: string): void {
    const { message } = parseMessage(bytes);
    if (!message) throw new Error(`a malformed message was sent: ${Buffer.from(bytes)}`);
    sent.push({ from, to, message });
    if (passes(message, from, to)) setImmediate(() => receivers.get(to)?.(bytes, from));
  }

  return {
    sent,
    filter(next) {
      passes = next;
    },
    join(address, protocol = 'udp') {
      return {
        local: (asked, ipv6) => (asked === protocol && ipv6 === address.includes(':') ? { host: address, port: 5060 } : null),
        receive(receiver) {
          receivers.set(address, (bytes, from) => {
            const flow: Flow = { protocol, address: from, port: 5060, reply: async (back) => carry(back, address, from) };
            receiver(bytes, flow);
          });
        },
        send: async (bytes, target) => carry(bytes, address, target.address),
        hearPort: async () => null,
        closeShared: async () => {},
        close: async () => void receivers.delete(address),
      };
    },
    peer(address) {
      const received: SipMessage[] = [];
      const returned = new Set<SipMessage>();
      receivers.set(address, (bytes) => {
        const { message } = parseMessage(bytes);
        if (message) received.push(message);
      });
      const isThat = (message: SipMessage, what: string): boolean =>
        message.kind === 'request' ? message.method === what : `${message.status} ${header(message, 'CSeq')?.split(' ')[1]}` === what;
      const all = (what: string): readonly SipMessage[] => received.filter((message) => isThat(message, what));
      const next = async (what: string): Promise<SipMessage> => {
        const found = await until(() => all(what).find((message) => !returned.has(message)), 10_000);
        returned.add(found);
        return found;
      };
      return {
        received,
        all,
        next,
        nextRequest: async (method) => (await next(method)) as SipRequest, // a method matches requests only
        nextResponse: async (what) => (await next(what)) as SipResponse, // a status matches responses only
        send: (message, to) => carry(serialise(message), address, to),
        respond: (request, status, { tag = 'peer', headers = [], sdp } = {}) =>
          responseTo(request, status, {
            toTag: status === 100 ? null : tag,
            headers: [
              ...request.headers.filter(([name]) => name === 'Record-Route'),
              ['Contact', `<sip:peer@${address}:5060>`],
              ...headers,
              ...(sdp === undefined ? [] : ([['Content-Type', 'application/sdp']] as const)),
            ],
            ...(sdp === undefined ? {} : { body: Buffer.from(sdp) }),
          }),
      };
    },
  };
}

/** The port under the bus: subjects, queue groups and raw bodies. `nats.ts` and `memory.ts` satisfy it; `transport.conformance.ts` says what both must do. */
import { PolybError } from '../../contracts/kit/errors.ts';

/** A message as it came. `headers` is the raw NATS header block as text (`NATS/1.0\r\nname: value\r\n\r\n`), '' when there is none. */
export interface Arrived {
  readonly subject: string;
  readonly reply: string;
  readonly data: Uint8Array;
  readonly headers: string;
}
export interface Subscription {
  /** Takes no more; resolves when what the server had already sent was delivered. */
  drain(): Promise<void>;
  unsubscribe(): void;
}
export interface Transport {
  /** True while messages can leave. */
  readonly connected: boolean;
  /** Largest body plus headers, in bytes. */
  readonly maxPayload: number;
  /** The bus user that this connection is. */
  readonly user: string;
  /** `_INBOX.<user>.<instance>`: replies come to subjects under it, and bus permissions bind it to the user. */
  readonly inbox: string;
  /** @throws PolybError unavailable/not_connected at once while disconnected; invalid_argument/payload_too_large. */
  publish(subject: string, data: string | Uint8Array, headers?: string, reply?: string): void;
  /** `deliver` may throw: the transport guards it and goes on. A permission refusal or an ended subscription is told to `onError`. */
  subscribe(
    subject: string,
    deliver: (message: Arrived) => void,
    options?: { readonly queue?: string; readonly onError?: (error: Error) => void },
  ): Subscription;
  /** Called with false the moment the connection drops, with true when it is back and subscriptions are in place again. */
  onConnection(listen: (connected: boolean) => void): () => void;
  /** Called with the subject of a publish that the server refused for want of permission. */
  onRefused(listen: (subject: string) => void): () => void;
  /** Resolves when the server has taken all that was published and subscribed before. */
  flush(): Promise<void>;
  /** Round trip to the server, ms. */
  rtt(): Promise<number>;
  close(): Promise<void>;
}

export function notConnected(): PolybError {
  return new PolybError('unavailable', 'The bus is not connected; nothing was sent.', { reason: 'not_connected' });
}

export function tooLarge(bytes: number, maxPayload: number): PolybError {
  return new PolybError('invalid_argument', `The message has ${bytes} bytes, and at most ${maxPayload} can be sent; send a BlobRef.`, {
    reason: 'payload_too_large',
  });
}

/** Adds, and returns how to take away again. */
export function addTo<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => void set.delete(item);
}

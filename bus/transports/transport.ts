/** The port under the bus: subjects, queue groups and raw bodies. `nats.ts` and `memory.ts` satisfy it; `conformance.ts` tests both. */
import { PolybError } from '../../contracts/kit/errors.ts';

/** A received message. `headers` is the raw NATS header block as text (`NATS/1.0\r\nname: value\r\n\r\n`), '' when there is none. */
export interface Arrived {
  readonly subject: string;
  readonly reply: string;
  readonly data: Uint8Array;
  readonly headers: string;
}
export interface Subscription {
  /** Unsubscribes; resolves when all messages that the server had sent are delivered. */
  drain(): Promise<void>;
  unsubscribe(): void;
}
export interface Transport {
  /** True while messages can be published. */
  readonly connected: boolean;
  /** Largest body plus headers, in bytes. */
  readonly maxPayload: number;
  /** Bytes that were published and have not left this process. */
  readonly backlogBytes: number;
  /** The bus user of this connection. */
  readonly user: string;
  /** `_INBOX.<user>.<instance>`: replies come to subjects under it, and bus permissions bind it to the user. */
  readonly inbox: string;
  /** @throws PolybError unavailable/not_connected at once while disconnected; invalid_argument/payload_too_large. */
  publish(subject: string, data: string | Uint8Array, headers?: string, reply?: string): void;
  /** `deliver` may throw: the transport continues. `onError` gets a refused permission or the failure of the subscription. */
  subscribe(
    subject: string,
    deliver: (message: Arrived) => void,
    options?: { readonly queue?: string; readonly onError?: (error: Error) => void },
  ): Subscription;
  /** Calls `listen` with false when the connection drops, and with true when it is back with all subscriptions. */
  onConnection(listen: (connected: boolean) => void): () => void;
  /** Calls `listen` with the subject of a publish that the server refused for a missing permission. */
  onRefused(listen: (subject: string) => void): () => void;
  /** Resolves when the server has processed all earlier messages and subscriptions. */
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

/** Adds the item; returns how to remove it. */
export function addTo<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => void set.delete(item);
}

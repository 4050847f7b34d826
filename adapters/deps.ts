/** Dependencies of adapters, passed in so that a test can replace each. */
import type { Metrics } from '../contracts/kit/metric.ts';
import type { Cache, Database, Log, SecretKey } from '../contracts/kit/ports.ts';

export type { Cache, Database, Log, Queries, SecretKey } from '../contracts/kit/ports.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  /** The provider's name of the operation: `sendMessage`. A metric label, so one of few. Default: the HTTP method. */
  readonly operation?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
  /** Total time from the first byte sent to the last byte received; default 10 s. */
  readonly timeoutMs?: number;
  /** Maximum size of a reply; default 2 MB. */
  readonly maxBytes?: number;
}
export interface HttpAnswer {
  /** `GET crm.example/api/v1/Contact`: the request without its query and secrets. */
  readonly request?: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  text(): string;
  /** @throws PolybError upstream_failed/bad_reply when the body is not JSON. */
  json(): unknown;
}
/**
 * One guarded request. Every status is a reply; only a request without one throws.
 * @throws PolybError unavailable (nothing was sent: refused, DNS, TLS, forbidden address), upstream_failed (cut after sending, too large), deadline_exceeded, cancelled.
 */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

export interface HttpStreamRequest extends HttpRequest {
  /** Longest wait for the reply to begin, and between two chunks; default 30 s. */
  readonly idleMs?: number;
}
/** A successful reply whose body is still arriving. */
export interface HttpStreamAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, decompressed. Leaving the iteration ends the request. It can be iterated once, and throws as `Http` does. */
  readonly chunks: AsyncIterable<Uint8Array>;
}
/**
 * One guarded request whose body is read while it arrives; `timeoutMs` and `maxBytes` apply to the whole of it. A reply with a status
 * other than 2xx is read to its end first.
 * @throws PolybError as `Http`; deadline_exceeded/idle when nothing arrives for `idleMs`.
 */
export type HttpStream = (request: HttpStreamRequest) => Promise<HttpAnswer | HttpStreamAnswer>;

export interface Deps {
  /** The name of the connection, `main` for the primary one: adapters of two connections share nothing. */
  readonly connection: string;
  readonly http: Http;
  readonly httpStream: HttpStream;
  readonly db: Database;
  readonly cache: Cache;
  readonly secretKey: SecretKey;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

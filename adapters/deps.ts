/** What every adapter is given from outside, so that a test can fix each of them. */
import type { Metrics } from '../contracts/kit/metric.ts';
import type { Database, Log } from '../contracts/kit/ports.ts';

export type { Database, Log, Queries } from '../contracts/kit/ports.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  /** What is asked, in the provider's own word: `sendMessage`; counted by it, so one of few. The method stands for it. */
  readonly operation?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
  /** Total time from the first byte out to the last byte in; 10 s by default. */
  readonly timeoutMs?: number;
  /** Largest answer; 2 MB by default. */
  readonly maxBytes?: number;
}
export interface HttpAnswer {
  /** `GET crm.example/api/v1/Contact`: what was asked, without its query and secrets. */
  readonly request?: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  text(): string;
  /** @throws PolybError upstream_failed/bad_reply when the body is not JSON. */
  json(): unknown;
}
/** One guarded request. Any status is an answer; only a request that got none throws.
 *  @throws PolybError unavailable (nothing was sent: refused, DNS, TLS, forbidden address), upstream_failed (cut after sending, too large), deadline_exceeded, cancelled. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

export interface Deps {
  readonly http: Http;
  readonly db: Database;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

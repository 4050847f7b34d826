/** Ports that every floor shares: rows of a database, and a log. */

/** Reads and writes rows. Parameters are `$1`, `$2`, … in the text. */
export interface Queries {
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}
/** Rows outside a transaction, and transactions that emit and send nothing. */
export interface Database extends Queries {
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
}
/** `limit` takes in any `windowMs`, refilled evenly: a generic cell rate algorithm. */
export interface Limit {
  readonly limit: number;
  readonly windowMs: number;
}
export interface RateDecision {
  readonly isAllowed: boolean;
  /** Takes that are allowed immediately. */
  readonly remaining: number;
  /** Time until the bucket is full again. */
  readonly resetMs: number;
  /** Time until the same take is allowed; 0 if it was. */
  readonly retryAfterMs: number;
}
/** Storage for data that may be lost: rate buckets and cached results. */
export interface Cache {
  /** `shared` by all processes, `own` to this process, or `away`: meant to be shared, but its server does not respond. */
  state(): 'shared' | 'own' | 'away';
  /** Takes `cost` from the bucket, or nothing if less is left. Never rejects: without its server it counts in this process. */
  take(bucket: string, limit: Limit, cost?: number): Promise<RateDecision>;
  /** Null if unknown or expired. */
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
}
/**
 * A key of 32 bytes for a purpose (`slots`, `tokens`), the same in all processes of this system.
 * @throws PolybError failed_precondition/bad_settings without POLYB_SECRET_KEY.
 */
export type SecretKey = (purpose: string) => Uint8Array;
/** Structured log lines: facts first, then a fixed message. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** What may be lost: rate buckets and remembered answers. Nothing that must be right lives here. */

/** `limit` takes in any `windowMs`, refilled evenly: a generic cell rate algorithm. */
export interface Limit {
  readonly limit: number;
  readonly windowMs: number;
}
export interface Taken {
  readonly isAllowed: boolean;
  /** Takes that are left at once. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
  /** Until the same take would be allowed; 0 when it was. */
  readonly retryAfterMs: number;
}
export interface Cache {
  /** `shared` by all processes, this process's `own`, or `away`: it would be shared, and its server does not answer. */
  state(): 'shared' | 'own' | 'away';
  /** Takes `cost` from the bucket, or nothing when that much is not left. Never rejects: without its server it counts in this process. */
  take(bucket: string, limit: Limit, cost?: number): Promise<Taken>;
  /** Null when it is not known, or no more. */
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

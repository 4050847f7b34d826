/** The table of error codes and the only error class. Imports nothing: the command line loads this file on its shortest path. */

/**
 * Whether to send the same request again. `if_repeatable`: only if the method may be repeated (a read, an idempotent method, or a
 * keyed one with its key).
 */
export type Retry = 'never' | 'always' | 'if_repeatable';
/** Whether the work was done. `unknown` means that it may have been. */
export type Outcome = 'not_executed' | 'unknown';
export interface CodeRow {
  readonly http: number;
  /** Exit status of the command line; a reason may refine it, see `exitOf`. */
  readonly exit: number;
  readonly retry: Retry;
  readonly outcome: Outcome;
  readonly title: string;
}

/** One row per code: HTTP status, command-line exit, whether to retry, and the outcome. */
export const codes = {
  invalid_argument: { http: 400, exit: 2, retry: 'never', outcome: 'not_executed', title: 'Invalid request' },
  unauthenticated: { http: 401, exit: 4, retry: 'never', outcome: 'not_executed', title: 'Not authenticated' },
  permission_denied: { http: 403, exit: 4, retry: 'never', outcome: 'not_executed', title: 'Permission denied' },
  not_found: { http: 404, exit: 3, retry: 'never', outcome: 'not_executed', title: 'Not found' },
  conflict: { http: 409, exit: 1, retry: 'never', outcome: 'not_executed', title: 'Conflict' },
  failed_precondition: { http: 409, exit: 1, retry: 'never', outcome: 'not_executed', title: 'Not allowed in the current state' },
  resource_exhausted: { http: 429, exit: 7, retry: 'always', outcome: 'not_executed', title: 'Too many requests' },
  cancelled: { http: 499, exit: 130, retry: 'never', outcome: 'unknown', title: 'Cancelled by the caller' },
  internal: { http: 500, exit: 7, retry: 'never', outcome: 'unknown', title: 'Internal error' },
  unimplemented: { http: 501, exit: 3, retry: 'never', outcome: 'not_executed', title: 'Not implemented' },
  upstream_failed: { http: 502, exit: 7, retry: 'if_repeatable', outcome: 'unknown', title: 'Another system failed' },
  unavailable: { http: 503, exit: 7, retry: 'always', outcome: 'not_executed', title: 'Unavailable' },
  deadline_exceeded: { http: 504, exit: 5, retry: 'if_repeatable', outcome: 'unknown', title: 'Deadline exceeded' },
} as const satisfies Record<string, CodeRow>;
export type Code = keyof typeof codes;

/** Reasons with their own HTTP status. */
const httpByReason: Readonly<Record<string, number>> = {
  payload_too_large: 413,
  unsupported_media_type: 415,
  precondition_required: 428,
  method_not_allowed: 405,
  // If-Match names a different version. For other preconditions a new ETag would not help.
  hash_mismatch: 412,
};
export function httpOf(code: Code, reason: string | undefined): number {
  return httpByReason[reason ?? ''] ?? codes[code].http;
}

/** Exit statuses that depend on the reason. */
export const exitByReason: Readonly<Record<string, number>> = {
  no_responders: 3,
  not_connected: 6,
  other_system: 6,
  connection_lost: 5,
  pending: 8,
  bad_settings: 78,
};

export interface ErrorDetails {
  /** Refines the code: a word of a closed set, in snake_case: `key_reused`, `quiet_hours`, … */
  readonly reason?: string | undefined;
  /** Typed by the contract that declares the reason. */
  readonly data?: unknown;
  readonly retryAfterMs?: number | undefined;
  /** Default: that of the code. */
  readonly outcome?: Outcome | undefined;
  /** Facts for a person who reviews the row: masked, never sent to the caller. */
  readonly evidence?: Evidence | undefined;
  readonly cause?: unknown;
}
/** Facts about a failed request to a provider. */
export interface Evidence {
  /** `GET crm.example/api/v1/Contact`: no query, no secret. */
  readonly request?: string;
  readonly status?: number;
  /** The last bytes of the reply as text, at most 512; phone-like digits are masked. */
  readonly lastBytes?: string;
}

/**
 * The only error that crosses layers. Its message states what was expected and what to do; it never contains a secret or a whole phone
 * number.
 */
export class PolybError extends Error {
  readonly code: Code;
  readonly reason: string | undefined;
  readonly data: unknown;
  readonly retryAfterMs: number | undefined;
  readonly outcome: Outcome;
  readonly evidence: Evidence | undefined;
  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PolybError';
    this.code = code;
    this.reason = details.reason;
    this.data = details.data;
    this.retryAfterMs = details.retryAfterMs;
    this.outcome = details.outcome ?? codes[code].outcome;
    this.evidence = details.evidence;
  }
  /** Another attempt may succeed. */
  get retryable(): boolean {
    return codes[this.code].retry !== 'never';
  }
}

/** True for a PolybError of any realm or copy of this module. */
export function isPolybError(thrown: unknown): thrown is PolybError {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    (thrown as { name?: unknown }).name === 'PolybError' &&
    (thrown as PolybError).code in codes
  );
}

/** Converts anything thrown to a PolybError. An unknown error becomes `internal` with a fixed message; the cause is kept for the log. */
export function toPolybError(thrown: unknown): PolybError {
  return isPolybError(thrown) ? thrown : new PolybError('internal', 'The service failed; its log has the cause.', { cause: thrown });
}

/** Errors of PostgreSQL or its connection. The work itself is not at fault, and nothing was stored. */
const storeReasons: ReadonlySet<string> = new Set(['store_down', 'store_contended', 'connections_exhausted', 'disk_full']);
export function isStoreFailure({ reason }: PolybError): boolean {
  return reason !== undefined && storeReasons.has(reason);
}

/** Exit status of the command line for this error. */
export function exitOf(error: PolybError): number {
  return (error.reason === undefined ? undefined : exitByReason[error.reason]) ?? codes[error.code].exit;
}

/** RFC 9457 body, the same on the bus and over HTTP. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: Code;
  readonly reason?: string;
  readonly data?: unknown;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly outcome: Outcome;
}

export function toProblem(error: PolybError): Problem {
  const { code, reason, data, retryAfterMs, outcome, retryable } = error;
  return {
    type: `urn:polyb:problem:${(reason ?? code).replaceAll('_', '-')}`,
    title: codes[code].title,
    status: codes[code].http,
    detail: error.message,
    code,
    ...(reason === undefined ? {} : { reason }),
    ...(data === undefined ? {} : { data }),
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    outcome,
  };
}

/** Parses a problem body into an error. An unknown body becomes `upstream_failed`. */
export function fromProblem(body: unknown): PolybError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  if (typeof problem.code !== 'string' || !(problem.code in codes))
    return new PolybError('upstream_failed', 'The service returned an error code that does not exist.', {
      reason: 'bad_reply',
    });
  return new PolybError(problem.code, typeof problem.detail === 'string' ? problem.detail : codes[problem.code].title, {
    reason: typeof problem.reason === 'string' ? problem.reason : undefined,
    data: problem.data,
    retryAfterMs: typeof problem.retryAfterMs === 'number' ? problem.retryAfterMs : undefined,
    outcome: problem.outcome === 'not_executed' || problem.outcome === 'unknown' ? problem.outcome : undefined,
  });
}

/** One invalid field of an input. `given` is masked. */
export interface FieldIssue {
  /** RFC 6901 pointer, `/phoneNumber`. */
  readonly pointer: string;
  readonly expected: string;
  readonly given: string;
}

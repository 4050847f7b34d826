/** The one table of failure codes and the one error class. Nothing is imported here: the command line loads this file on its shortest path. */

/** May the same request be sent again? `if_repeatable`: only when the method may be repeated (a read, an idempotent one, or a keyed one with its key). */
export type Retry = 'never' | 'always' | 'if_repeatable';
/** Was the work done? `unknown` means it may have happened. */
export type Outcome = 'not_executed' | 'unknown';
export interface CodeRow {
  readonly http: number;
  /** Exit status of the command line; a reason may refine it, see `exitOf`. */
  readonly exit: number;
  readonly retry: Retry;
  readonly outcome: Outcome;
  readonly title: string;
}

/** One row a code: HTTP status, command-line exit, whether to retry, and what is known of the work. */
export const codes = {
  invalid_argument: { http: 400, exit: 2, retry: 'never', outcome: 'not_executed', title: 'The request is wrong' },
  unauthenticated: { http: 401, exit: 4, retry: 'never', outcome: 'not_executed', title: 'Who you are is not known' },
  permission_denied: { http: 403, exit: 4, retry: 'never', outcome: 'not_executed', title: 'You may not do this' },
  not_found: { http: 404, exit: 3, retry: 'never', outcome: 'not_executed', title: 'There is no such thing' },
  conflict: { http: 409, exit: 1, retry: 'never', outcome: 'not_executed', title: 'It clashes with what is there' },
  failed_precondition: { http: 409, exit: 1, retry: 'never', outcome: 'not_executed', title: 'It is not allowed as things stand' },
  resource_exhausted: { http: 429, exit: 7, retry: 'always', outcome: 'not_executed', title: 'Too much at once' },
  cancelled: { http: 499, exit: 130, retry: 'never', outcome: 'unknown', title: 'The caller gave up' },
  internal: { http: 500, exit: 7, retry: 'never', outcome: 'unknown', title: 'The service failed' },
  unimplemented: { http: 501, exit: 3, retry: 'never', outcome: 'not_executed', title: 'This is not offered' },
  upstream_failed: { http: 502, exit: 7, retry: 'if_repeatable', outcome: 'unknown', title: 'Another system failed' },
  unavailable: { http: 503, exit: 7, retry: 'always', outcome: 'not_executed', title: 'Nobody can take the request now' },
  deadline_exceeded: { http: 504, exit: 5, retry: 'if_repeatable', outcome: 'unknown', title: 'There was no answer in time' },
} as const satisfies Record<string, CodeRow>;
export type Code = keyof typeof codes;

/** Where HTTP has a status of its own for a reason. */
const httpByReason: Readonly<Record<string, number>> = {
  payload_too_large: 413,
  unsupported_media_type: 415,
  precondition_required: 428,
  method_not_allowed: 405,
  // If-Match names another version than there is. Other preconditions are rules that a new ETag does not help against.
  hash_mismatch: 412,
};
export function httpOf(code: Code, reason: string | undefined): number {
  return httpByReason[reason ?? ''] ?? codes[code].http;
}

/** Exit statuses that a reason decides. */
const exitByReason: Readonly<Record<string, number>> = {
  no_responders: 3,
  not_connected: 6,
  connection_lost: 5,
  pending: 8,
  bad_settings: 78,
};

export interface ErrorDetails {
  /** A word from a closed set that refines the code, in snake_case: `key_reused`, `quiet_hours`, … */
  readonly reason?: string | undefined;
  /** Typed by the contract that declares the reason. */
  readonly data?: unknown;
  readonly retryAfterMs?: number | undefined;
  /** Defaults to the code's row. */
  readonly outcome?: Outcome | undefined;
  /** What a person in review may want to see: masked, never sent to the caller. */
  readonly evidence?: Evidence | undefined;
  readonly cause?: unknown;
}
/** What is known of an outward request that went wrong. */
export interface Evidence {
  /** `GET crm.example/api/v1/Contact`: no query, no secret. */
  readonly request?: string;
  readonly status?: number;
  /** The last bytes of the answer as text, at most 512, digits of phone length masked. */
  readonly lastBytes?: string;
}

/** The only error that crosses a floor. Its message says what was expected and what to do; it never holds a secret or a whole phone number. */
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
  /** Another attempt may fare better. */
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

/** Anything thrown, as a PolybError. What is not ours becomes `internal` with a fixed message; the cause stays for the log. */
export function toPolybError(thrown: unknown): PolybError {
  return isPolybError(thrown) ? thrown : new PolybError('internal', 'The service failed; its log has the cause.', { cause: thrown });
}

/** What PostgreSQL, or the lack of a connection to it, refuses: it says nothing against the work itself, and nothing was kept. */
const storeReasons: ReadonlySet<string> = new Set(['store_down', 'store_contended', 'connections_exhausted']);
export function isStoreFailure({ reason }: PolybError): boolean {
  return reason !== undefined && storeReasons.has(reason);
}

/** The status with which the command line ends for this error. */
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

/** The error that a problem body tells of. A body that is not one of ours becomes `upstream_failed`. */
export function fromProblem(body: unknown): PolybError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  if (typeof problem.code !== 'string' || !(problem.code in codes))
    return new PolybError('upstream_failed', 'The other side answered with an error that is not in the table of codes.', {
      reason: 'bad_reply',
    });
  return new PolybError(problem.code, typeof problem.detail === 'string' ? problem.detail : codes[problem.code].title, {
    reason: typeof problem.reason === 'string' ? problem.reason : undefined,
    data: problem.data,
    retryAfterMs: typeof problem.retryAfterMs === 'number' ? problem.retryAfterMs : undefined,
    outcome: problem.outcome === 'not_executed' || problem.outcome === 'unknown' ? problem.outcome : undefined,
  });
}

/** One wrong field of an input. `given` is masked. */
export interface FieldIssue {
  /** RFC 6901 pointer, `/phoneNumber`. */
  readonly pointer: string;
  readonly expected: string;
  readonly given: string;
}

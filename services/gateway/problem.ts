/** Any failure as RFC 9457 `application/problem+json`. */
import { type FieldIssue, httpOf, isPolybError, PolybError, type Problem, toPolybError, toProblem } from '../../contracts/kit/errors.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

export interface ProblemReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Omit<Problem, 'status'> & {
    readonly status: number;
    readonly instance: string;
    readonly requestId: string;
    readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  };
}
/** The work continues, and Location is its status. */
const goesOn: ReadonlySet<string> = new Set(['pending', 'outcome_unknown']);

/** @param rowPath Path of the status of a journal row. */
export function problemReply(
  thrown: unknown,
  at: { readonly path: string; readonly requestId: string; readonly rowPath: (rowId: string) => string },
): ProblemReply {
  const error = isPolybError(thrown) ? thrown : fromHttp(thrown);
  const problem = toProblem(error);
  const { rowId, issues } = (error.data ?? {}) as { rowId?: unknown; issues?: readonly FieldIssue[] };
  // Without the row there is no status to link.
  const status = goesOn.has(error.reason ?? '') && typeof rowId === 'string' ? 202 : httpOf(error.code, error.reason);
  return {
    status,
    headers: {
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="polyb"' } : {}),
      ...(status === 202 ? { location: at.rowPath(String(rowId)) } : {}),
      ...(error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
    },
    body: {
      ...problem,
      status,
      instance: shownPath(at.path),
      requestId: at.requestId,
      ...(Array.isArray(issues) ? { errors: issues.map(({ pointer, expected }) => ({ pointer, detail: `expected ${expected}` })) } : {}),
    },
  };
}

/** The original URL, unless it contains masked data. */
function shownPath(path: string): string {
  const read = safeDecode(path);
  const shown = scrub(read);
  return shown === read ? path : encodeURI(shown);
}
function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // Not UTF-8.
  }
}

/** Errors of the HTTP library before a method is called. */
function fromHttp(thrown: unknown): PolybError {
  const { statusCode, code } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as { statusCode?: unknown; code?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new PolybError('invalid_argument', 'The body is larger than GATEWAY_BODY_LIMIT_BYTES allows.', {
        reason: 'payload_too_large',
        cause: thrown,
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new PolybError(
        'invalid_argument',
        'Expected a body of Content-Type application/json, or multipart/form-data where the route takes a form.',
        {
          reason: 'unsupported_media_type',
          cause: thrown,
        },
      );
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new PolybError('invalid_argument', 'The request cannot be read: expected a valid URL, and JSON in the body.', {
      reason: 'bad_body',
      cause: thrown,
    });
  return toPolybError(thrown);
}

/** What a failure of the OpenID Connect library means. Its errors quote tokens in their causes, so a log gets the code and the message alone. */
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';

interface LibraryError {
  readonly name: string;
  readonly message: string;
  /** `OAUTH_JWT_CLAIM_COMPARISON_FAILED` */
  readonly code?: string;
  /** RFC 6749, sections 4.1.2.1 and 5.2: `access_denied`, `invalid_grant`. */
  readonly error?: string;
  readonly cause?: unknown;
}

export function failureOf(thrown: unknown): PolybError {
  if (isPolybError(thrown)) return thrown;
  const { name, code, error, cause } = thrown as LibraryError;
  if (name === 'AuthorizationResponseError') return isPassing(error) ? away(thrown) : refused(thrown);
  if (error === 'invalid_grant')
    return new PolybError('failed_precondition', 'The code of this log-in was used or is too old; begin the log-in again.', {
      reason: 'log_in_lost',
      cause: thrown,
    });
  if (isPolybError(cause)) return fromHttp(cause);
  const { status = 0 } = code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' ? (cause as { readonly status?: number }) : {};
  return status >= 500 ? away(thrown) : badReply(thrown);
}
/** Facts for a log. */
export function factsOf({ reason, cause }: PolybError): object {
  const { name, code, error, message } = (cause ?? {}) as LibraryError;
  return { reason, name, code: error ?? code, why: message };
}

/** Of the guarded HTTP client. */
function fromHttp(failure: PolybError): PolybError {
  const isReply = failure.reason === 'reply_too_large' || failure.reason === 'bad_reply';
  return isReply ? badReply(failure) : away(failure);
}
const isPassing = (error: string | undefined): boolean => error === 'server_error' || error === 'temporarily_unavailable';
function away(cause: unknown): PolybError {
  return new PolybError('unavailable', 'The identity provider does not respond; try again later.', { reason: 'provider_away', cause });
}
function refused(cause: unknown): PolybError {
  return new PolybError('permission_denied', 'The identity provider refused the log-in; its administrator gives access.', {
    reason: 'provider_refused',
    cause,
  });
}
export function badReply(cause: unknown): PolybError {
  return new PolybError(
    'upstream_failed',
    'The reply of the identity provider cannot be trusted; check the settings OIDC_* and the clocks.',
    {
      reason: 'provider_reply',
      cause,
    },
  );
}

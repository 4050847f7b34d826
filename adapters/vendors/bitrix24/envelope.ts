/**
 * What Bitrix24 replies: `{ result, total, next, time }`, or `{ error, error_description }` with an error of any type and almost any
 * status. Source: b24restdocs, error-codes and the pages of the methods.
 */
import { type Code, type ErrorDetails, PolybError } from '../../../contracts/kit/errors.ts';
import { scrub } from '../../../contracts/kit/scrub.ts';
import type { HttpAnswer } from '../../deps.ts';
import { evidenceOf, httpFailure } from '../../http-failure.ts';

/** A refusal: `NOT_FOUND`, `1018`, or the empty string. */
export interface VendorError {
  readonly code: string;
  readonly description: string;
}
export interface Envelope {
  readonly result?: unknown;
  readonly error?: VendorError;
  readonly next?: number;
  /** When the oldest work of the method stops counting, in Unix ms. */
  readonly operatingResetAt?: number;
}
/** Typed errors by the vendor's code, where a method gives it a meaning of its own. */
export type Refusals = Readonly<Record<string, () => PolybError>>;

const parsed = new WeakMap<HttpAnswer, Envelope | null>();
/** Null if the body is not an object of JSON: a page of a proxy, an empty body. Parses an answer once. */
export function envelopeOf(answer: HttpAnswer): Envelope | null {
  const known = parsed.get(answer);
  if (known !== undefined) return known;
  const envelope = parse(answer.text());
  parsed.set(answer, envelope);
  return envelope;
}
function parse(text: string): Envelope | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null; // The caller reports what came instead.
  }
  if (!isObject(body)) return null;
  const { error, error_description: description, result, next, time } = body;
  const resetAt = isObject(time) ? Number(time.operating_reset_at) * 1000 : Number.NaN;
  return {
    ...('result' in body && { result }),
    ...(isError(error, 'result' in body) && { error: vendorError(error, description) }),
    ...(Number.isInteger(next) && { next: next as number }),
    ...(resetAt > 0 && { operatingResetAt: resetAt }),
  };
}
/** Beside a result, an empty list means no error. */
function isError(error: unknown, hasResult: boolean): boolean {
  if (error === undefined || error === null) return false;
  return !(hasResult && (error === '' || (Array.isArray(error) && error.length === 0)));
}
/** A string, a number, a list, or an object with a code. */
export function vendorError(error: unknown, description: unknown): VendorError {
  if (isObject(error)) return vendorError(error.code ?? error.error ?? '', error.message ?? error.error_description ?? description);
  if (Array.isArray(error)) return vendorError(error[0] ?? '', description);
  return { code: String(error), description: typeof description === 'string' ? description : '' };
}

const limits = ['QUERY_LIMIT_EXCEEDED', 'OPERATION_TIME_LIMIT'];
const credentials = [
  'NO_AUTH_FOUND',
  'expired_token',
  'invalid_token',
  'insufficient_scope',
  'ACCESS_DENIED',
  'INVALID_CREDENTIALS',
  'user_access_error',
  'WRONG_AUTH_TYPE',
  'allowed_only_intranet_user',
  'PORTAL_DELETED',
];
const absent = ['NOT_FOUND', 'ERROR_ENTITY_NOT_FOUND', 'OWNER_NOT_FOUND', '1009', '1019', '1021'];
const broken = ['INTERNAL_SERVER_ERROR', 'ERROR_UNEXPECTED_ANSWER'];

/** The error for a reply without a usable result. @param retryAfterMs how long a limit of the vendor lasts. */
export function replyFailure(answer: HttpAnswer, what: string, retryAfterMs: number): PolybError {
  const envelope = envelopeOf(answer);
  if (envelope?.error !== undefined) return refusal(envelope.error, what, { answer, retryAfterMs });
  const details: ErrorDetails = { evidence: evidenceOf(answer) };
  if (answer.status === 429) return limited(what, { ...details, retryAfterMs });
  if (answer.status === 403 && envelope === null) return blocked(what, details);
  if (answer.status === 200)
    return new PolybError('upstream_failed', `${what}: expected JSON with a result; check that the address is a Bitrix24 portal.`, {
      ...details,
      reason: 'bad_reply',
    });
  if (answer.status === 404 || answer.status === 410)
    return new PolybError('failed_precondition', `${what}: there is no Bitrix24 at this address; check the URL of the portal.`, {
      ...details,
      reason: 'crm_rejected',
    });
  return httpFailure(answer, what, 'crm_rejected');
}

/** The error for a refusal of a request, or of one command of a batch, which comes with status 200. */
export function refusal(
  { code, description }: VendorError,
  what: string,
  { answer, retryAfterMs }: { readonly answer: HttpAnswer; readonly retryAfterMs: number },
): PolybError {
  const why = [code, plain(description)].filter((part) => part !== '').join(': ');
  const say = (kind: Code, text: string, more: ErrorDetails = {}) =>
    new PolybError(kind, `${what}: ${text}${why === '' ? '' : ` (${why})`}.`, {
      evidence: evidenceOf(answer),
      outcome: 'not_executed',
      ...more,
    });
  if (limits.includes(code) || answer.status === 429) return limited(what, { evidence: evidenceOf(answer), retryAfterMs });
  if (code === 'OVERLOAD_LIMIT') return blocked(what, { evidence: evidenceOf(answer) });
  if (broken.includes(code) || (answer.status >= 500 && !credentials.includes(code)))
    return say('upstream_failed', 'Bitrix24 failed; it may have happened', { reason: 'upstream_status', outcome: 'unknown' });
  if (credentials.includes(code) || answer.status === 401 || /^access denied/i.test(description))
    return say('failed_precondition', 'Bitrix24 refuses access; check the webhook or application, its permissions and the tariff', {
      reason: 'upstream_credentials',
    });
  if (absent.includes(code)) return say('not_found', 'Bitrix24 has no such record');
  const field = /field:?\s+["«'`]?(\w{1,100})["»'`]/i.exec(description)?.[1] ?? /parameter \{(\w{1,100})\}/i.exec(description)?.[1];
  return say('failed_precondition', 'Bitrix24 refuses it', { reason: 'crm_rejected', ...(field !== undefined && { data: { field } }) });
}
/** Proof that nothing was executed. */
function limited(what: string, details: ErrorDetails): PolybError {
  return new PolybError('resource_exhausted', `${what}: Bitrix24 limits requests; try later.`, { ...details, reason: 'rate_limited' });
}
/** How long a blocked portal is left alone: only its support, or the owner of a firewall, lifts the block. */
export const blockedMs = 3_600_000;
function blocked(what: string, details: ErrorDetails): PolybError {
  return new PolybError('unavailable', `${what}: Bitrix24 blocks this system; ask its support. Requests resume in an hour.`, {
    ...details,
    reason: 'blocked',
    retryAfterMs: blockedMs,
  });
}

/** Descriptions contain HTML. */
function plain(description: string): string {
  const text = description
    .replace(/<br\s*\/?>/gi, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return scrub(text.slice(0, 200)).replace(/[.!]+$/, '');
}
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

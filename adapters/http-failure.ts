/** Errors of requests: what each status means, whether the request was executed, and the evidence without secrets. */
import { type Code, type ErrorDetails, type Evidence, PolybError } from '../contracts/kit/errors.ts';
import { scrub } from '../contracts/kit/scrub.ts';
import type { HttpAnswer, HttpRequest } from './deps.ts';

const evidenceBytes = 512;
/** Number of chunks at the end of a reply that can hold its evidence. */
export const evidenceChunks = 64;
const longestRetryAfterMs = 86_400_000;

/**
 * The error for a reply with a status that `what` cannot use: a 4xx was not executed, a 5xx may have been. `rejected` is the reason
 * for a plain refusal.
 */
export function httpFailure(answer: HttpAnswer, what: string, rejected = 'upstream_rejected'): PolybError {
  const { status } = answer;
  const details = { evidence: evidenceOf(answer), retryAfterMs: retryAfterMs(answer.headers) };
  const refused = `${what} was refused with HTTP status ${status}`;
  if (status === 429) return new PolybError('resource_exhausted', `${what}: too many requests; try later.`, details);
  if (status === 408) return new PolybError('unavailable', `${what}: the request did not arrive complete; try again.`, details);
  if (status === 401 || status === 403)
    return new PolybError('failed_precondition', `${refused}; check the credentials in the settings.`, {
      ...details,
      reason: 'upstream_credentials',
    });
  if (status === 404 || status === 410) return new PolybError('not_found', `${refused}: not found.`, details);
  if (status === 409) return new PolybError('conflict', `${refused}: it conflicts with existing data.`, details);
  if (status >= 400 && status < 500) return new PolybError('failed_precondition', `${refused}.`, { ...details, reason: rejected });
  return new PolybError('upstream_failed', `${what} failed with HTTP status ${status}; it may have happened.`, {
    ...details,
    reason: status >= 500 ? 'upstream_status' : 'bad_reply',
  });
}

export function failure(code: Code, request: HttpRequest, text: string, details: ErrorDetails = {}, evidence: Evidence = {}): PolybError {
  const line = requestLine(request);
  return new PolybError(code, `${text}: ${line}.`, { ...details, evidence: { request: line, ...evidence } });
}
export function evidenceOf({ request, status, bytes }: HttpAnswer): Evidence {
  const lastBytes = lastOf([bytes]);
  return { ...(request !== undefined && { request }), status, ...(lastBytes && { lastBytes }) };
}
/** Reads a little more than it shows, so that a phone at the edge is masked as a whole. */
export function lastOf(chunks: readonly Uint8Array[]): string {
  const end = Buffer.concat(chunks.slice(-evidenceChunks)).subarray(-evidenceBytes - 100);
  return Buffer.from(scrub(end.toString('utf8')))
    .subarray(-evidenceBytes)
    .toString('utf8');
}

export function requestLine({ method, url }: HttpRequest): string {
  return `${method} ${safeUrl(url).replace(/^\w+:\/\//, '')}`;
}
/** Some providers put the secret into the path: `/bot<token>/…`, `/rest/<user>/<code>/…`, or a long segment of letters and digits. */
export function safeUrl(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return 'an invalid URL';
  const path = parsed.pathname
    .replace(/(\/rest\/\d+\/)[^/]+/, '$1***')
    .replace(/(\/bot\d+:)[^/]+/, '$1***')
    .replace(/\/(?=[^/]*\d)(?=[^/]*[A-Za-z])(?![0-9a-f]{8}-)[\w~.=-]{32,}(?=\/|$)/g, '/***');
  return scrub(`${parsed.protocol}//${parsed.host}${path}`);
}

/** Source: RFC 9110, section 10.2.3: seconds, or a date, compared with the clock of the server. */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | undefined {
  const given = headers['retry-after'];
  if (given === undefined) return undefined;
  const ms = /^\d+$/.test(given) ? Number(given) * 1000 : Date.parse(given) - (Date.parse(headers.date ?? '') || Date.now());
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), longestRetryAfterMs) : undefined;
}

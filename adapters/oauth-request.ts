/** One token request, and what its reply means for the tokens that are stored. */
import { toPolybError } from '../contracts/kit/errors.ts';
import type { HttpAnswer } from './deps.ts';
import { retryAfterMs as retryAfterHeaderMs } from './http-failure.ts';
import { jsonObjectIn } from './json-body.ts';
import type { Account, Fresh, Problem, TokenPair } from './oauth-rows.ts';

export type Grant =
  | { readonly type: 'authorization_code'; readonly code: string }
  | { readonly type: 'refresh_token'; readonly refreshToken: string };
/** What a provider must do for its tokens. */
export interface OAuthProvider {
  /** `amocrm`. */
  readonly vendor: string;
  /** Sends one token request, without retries. */
  request(grant: Grant, account: Account, signal: AbortSignal): Promise<HttpAnswer>;
  /** Reads the body of a successful reply; null if it has no tokens. */
  tokensIn(body: unknown): (TokenPair & { readonly expiresInMs: number; readonly account?: Account }) | null;
  /** The problem behind a refusal that a new consent would not end, such as an unpaid account. */
  problemOf?(body: unknown, status: number): Problem | undefined;
}
export type Verdict =
  | { readonly is: 'issued'; readonly fresh: Fresh }
  /** The token or code is dead: a person must consent again. */
  | { readonly is: 'refused'; readonly status: number }
  /** The provider blocks this address; the token was not used. */
  | { readonly is: 'blocked'; readonly status: number; readonly problem: Problem; readonly retryAfterMs: number }
  /** A refusal of another kind; the token was not used. */
  | { readonly is: 'held'; readonly problem: Problem; readonly retryAfterMs: number }
  /** The token may have been used. */
  | { readonly is: 'unclear'; readonly problem: Problem; readonly retryAfterMs: number };

const blockedMs = 600_000;
const heldMs = 60_000;

export async function requestTokens(
  provider: OAuthProvider,
  grant: Grant,
  account: Account,
  { now, timeoutMs, retryMs }: { readonly now: () => number; readonly timeoutMs: number; readonly retryMs: number },
): Promise<Verdict> {
  const { vendor } = provider;
  const issuedAt = now();
  const unclear = (code: Problem['code'], why: string, retryAfterMs = retryMs): Verdict => {
    const reason = code === 'resource_exhausted' ? { reason: 'rate_limited' } : {};
    return {
      is: 'unclear',
      retryAfterMs,
      problem: { code, ...reason, message: `The tokens of ${vendor} could not be refreshed: ${why}.` },
    };
  };
  let answer: HttpAnswer;
  try {
    answer = await provider.request(grant, account, AbortSignal.timeout(timeoutMs));
  } catch (thrown) {
    // Its evidence may show a token.
    const { code, retryAfterMs } = toPolybError(thrown);
    return code === 'resource_exhausted'
      ? unclear(code, 'its limit of requests is reached', retryAfterMs)
      : unclear('unavailable', `no reply (${code})`);
  }
  const { status } = answer;
  const body = jsonObjectIn(answer);
  if (status === 429) return unclear('resource_exhausted', 'too many requests', retryAfterOf(answer, body));
  if (status >= 500) return unclear('unavailable', `HTTP status ${status}`);
  if (status === 403 || body === undefined) {
    const message = `${vendor} blocks the address of this server; ask its support.`;
    return { is: 'blocked', status, retryAfterMs: blockedMs, problem: { code: 'unavailable', reason: 'blocked', message } };
  }
  if (status < 300) {
    const issued = provider.tokensIn(body);
    if (issued === null) return unclear('unavailable', 'the reply has no tokens');
    const { expiresInMs, accessToken, refreshToken } = issued;
    const fresh = { accessToken, refreshToken, account: { ...account, ...issued.account }, issuedAt, expiresAt: issuedAt + expiresInMs };
    return { is: 'issued', fresh };
  }
  const problem = provider.problemOf?.(body, status);
  if (problem === undefined && (status === 400 || status === 401)) return { is: 'refused', status };
  const message = `${vendor} refuses to issue tokens with HTTP status ${status}; check the settings of the integration.`;
  return { is: 'held', retryAfterMs: heldMs, problem: problem ?? { code: 'failed_precondition', reason: 'upstream_credentials', message } };
}

function retryAfterOf({ headers }: HttpAnswer, body: object | undefined): number | undefined {
  const { retry_after: seconds } = (body ?? {}) as { readonly retry_after?: unknown };
  return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds * 1000, 86_400_000) : retryAfterHeaderMs(headers);
}

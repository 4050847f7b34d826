/**
 * EasyWeek's public API v2: headers, replies, lists and the limit of a key.
 * Source: public clients that agree with one another; the vendor keeps no public reference of this version.
 */
import { createHash } from 'node:crypto';
import { type Code, type ErrorDetails, PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer, HttpRequest } from '../../deps.ts';
import { evidenceOf, httpFailure } from '../../http-failure.ts';
import { limitedHttp } from '../../quota.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** 60 requests a minute are allowed for a key: three at once, then one each 1.09 s, make no more, also when some arrive late. */
const rate = { limit: 3, windowMs: 3270 };
const pauseMs = 60_000;
const perPage = 100;

export interface Call {
  readonly method?: HttpRequest['method'];
  /** Below the base URL. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly signal: AbortSignal;
  /** `Reading a booking`: the beginning of an error's message. */
  readonly what: string;
}
export interface EasyWeekClient {
  /** The object of a reply, without its envelope; null for an empty reply. @throws PolybError not_found for 404. */
  call(call: Call): Promise<Fields | null>;
  /** The same, null for 404. */
  find(call: Call): Promise<Fields | null>;
  /** Rows of a list, each uuid once, in at most `mostPages` pages; a page that brings nothing new ends the list. */
  rows(call: Call, mostPages: number): Promise<{ readonly rows: readonly Fields[]; readonly isComplete: boolean }>;
}

export function easyWeekClient(
  { url, apiKey, workspace }: { readonly url: string; readonly apiKey: string; readonly workspace: string },
  { http, cache, now }: Pick<Deps, 'http' | 'cache' | 'now'>,
): EasyWeekClient {
  const base = new URL(url.replace(/\/*$/, '/'));
  const bucket = `easyweek:${createHash('sha256').update(apiKey).digest('hex').slice(0, 16)}`;
  const limited = limitedHttp(
    http,
    { cache, now },
    {
      limits: () => [{ bucket, ...rate }],
      cooldownsOf: (answer) =>
        answer.status === 429 || isBlock(answer) ? [{ bucket, ms: httpFailure(answer, '').retryAfterMs ?? pauseMs }] : [],
    },
  );

  async function send({ method = 'GET', path, query = {}, body, signal, what }: Call): Promise<HttpAnswer> {
    const target = new URL(path, base);
    // A plus of a phone is written %2B; a plain one would be read as a space.
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
    const answer = await limited({
      method,
      operation: `${method} ${path.replace(/\/.*/, '')}`,
      url: target.href,
      headers: {
        Authorization: `Bearer ${apiKey}`,
        Workspace: workspace,
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal,
    });
    if (answer.status < 200 || answer.status >= 300) throw refusal(answer, `${what} in EasyWeek`);
    return answer;
  }
  const call = async (given: Call): Promise<Fields | null> => {
    const answer = await send(given);
    if (answer.bytes.length === 0) return null;
    const reply = answer.json();
    if (!isFields(reply) || 'error' in reply) throw badReply(answer, given.what, 'an object');
    return isFields(reply.data) ? reply.data : reply;
  };
  /** The path and query of the next page, if it is on this host and below the base URL. */
  function nextOf(answer: HttpAnswer, links: unknown, what: string): string | null {
    const next = isFields(links) ? links.next : null;
    if (next === null || next === undefined || next === '') return null;
    const target = URL.parse(String(next), base.href);
    if (target?.host !== base.host || !target.pathname.startsWith(base.pathname))
      throw badReply(answer, what, 'the next page at the same address');
    return `${target.pathname.slice(base.pathname.length)}${target.search}`;
  }

  return {
    call,
    async find(given) {
      try {
        return await call(given);
      } catch (thrown) {
        if ((thrown as PolybError).code === 'not_found') return null;
        throw thrown;
      }
    },
    async rows(given, mostPages) {
      const found = new Map<string, Fields>();
      let next: Call = { ...given, query: { per_page: String(perPage), ...given.query } };
      for (let page = 1; page <= mostPages; page += 1) {
        const answer = await send(next);
        const reply = answer.json();
        // Some lists have no envelope, and no pages.
        const rows = Array.isArray(reply) ? reply : isFields(reply) && !('error' in reply) ? reply.data : undefined;
        if (!Array.isArray(rows)) throw badReply(answer, given.what, 'a list');
        const before = found.size;
        for (const row of rows) if (isFields(row) && typeof row.uuid === 'string') found.set(row.uuid, row);
        const path = isFields(reply) ? nextOf(answer, reply.links, given.what) : null;
        if (path === null || found.size === before) return { rows: [...found.values()], isComplete: true };
        next = { signal: given.signal, what: given.what, path };
      }
      return { rows: [...found.values()], isComplete: false };
    },
  };
}

function refusal(answer: HttpAnswer, what: string): PolybError {
  const { status } = answer;
  const failure = httpFailure(answer, what, 'crm_rejected');
  const failed = (code: Code, text: string, details: ErrorDetails) =>
    new PolybError(code, `${what}: ${text}`, { evidence: evidenceOf(answer), outcome: 'not_executed', ...details });
  if (status === 429)
    return failed('resource_exhausted', 'the limit of the key is reached.', {
      reason: 'rate_limited',
      retryAfterMs: failure.retryAfterMs ?? pauseMs,
    });
  if (isBlock(answer))
    return failed('unavailable', 'EasyWeek does not accept requests from this address for now.', {
      reason: 'blocked',
      retryAfterMs: pauseMs,
    });
  if (status === 401 || status === 403)
    return failed('failed_precondition', 'the key or the workspace is wrong; check EASYWEEK_API_KEY and EASYWEEK_WORKSPACE.', {
      reason: 'upstream_credentials',
    });
  const field = status === 422 ? fieldIn(answer) : undefined;
  if (field !== undefined)
    return failed('failed_precondition', `the field ${field} was refused.`, { reason: 'crm_rejected', data: { field } });
  return failure;
}
/** The first field that a validation refuses. */
function fieldIn(answer: HttpAnswer): string | undefined {
  try {
    const reply = answer.json();
    const errors = isFields(reply) ? reply.errors : undefined;
    return isFields(errors) ? Object.keys(errors)[0]?.slice(0, 100) : undefined;
  } catch {
    return undefined; // The status says enough.
  }
}
/** A page instead of JSON: the address is blocked, and the key is not at fault. */
function isBlock(answer: HttpAnswer): boolean {
  return answer.status === 403 && answer.text().trimStart().startsWith('<');
}
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function badReply(answer: HttpAnswer, what: string, expected: string): PolybError {
  return new PolybError('upstream_failed', `${what} in EasyWeek: expected ${expected} in the reply.`, {
    reason: 'bad_reply',
    evidence: evidenceOf(answer),
  });
}

/**
 * The platform's API v1 in its second format: headers, envelope, error codes, pages and the limit of its addresses.
 * Source: developers.yclients.com and its translation at developer.alteg.io.
 */
import { type Code, type ErrorDetails, PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer, HttpRequest } from '../../deps.ts';
import { evidenceOf, httpFailure } from '../../http-failure.ts';
import { limitedHttp } from '../../quota.ts';
import type { Platform, SalonOptions } from './platform.ts';
import { type Fields, fieldsOf, idOf, listOf, numberOf } from './values.ts';

/**
 * 200 requests a minute and 5 a second are allowed, counted by IP address. One each 310 ms keeps to both, also when some arrive late and
 * the next ones do not.
 */
const rate = { limit: 1, windowMs: 310 };
/** The answer above the limit is not documented: a 429 and a page instead of JSON stop all requests for this long. */
const pauseMs = 60_000;
const pageSize = 50;

export interface Reply {
  readonly data: unknown;
  readonly meta: Fields;
}
export interface Call {
  readonly method?: HttpRequest['method'];
  /** Below the base URL. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: object;
  readonly signal: AbortSignal;
  /** `Reading a client`: the beginning of an error's message. */
  readonly what: string;
}
export interface SalonClient {
  /** Requests carry a user token. */
  readonly hasUser: boolean;
  /** @throws PolybError not_found for 404, and the contract's reasons. */
  call(call: Call): Promise<Reply>;
  /** The same, null for 404. */
  find(call: Call): Promise<Reply | null>;
  /**
   * Rows of a list, each id once, in at most `mostPages` pages. A page that brings no new id ends the list, whatever the number of rows
   * that the list claims to have.
   */
  rows(
    mostPages: number,
    page: (page: number, size: number) => Call,
  ): Promise<{ readonly rows: readonly Fields[]; readonly isComplete: boolean }>;
}

export function salonClient(
  platform: Platform,
  options: SalonOptions,
  { http, cache, now }: Pick<Deps, 'http' | 'cache' | 'now'>,
): SalonClient {
  const base = options.url.replace(/\/+$/, '');
  const bucket = `${platform.name}:${new URL(base).host}`;
  const limited = limitedHttp(
    http,
    { cache, now },
    {
      limits: () => [{ bucket, ...rate }],
      cooldownsOf: (answer) => (isLimit(answer) ? [{ bucket, ms: pauseMs }] : []),
    },
  );
  const { partnerToken, userToken } = options;
  /** Online booking is open to the partner alone; everything else is done as the user. */
  const isAsUser = ({ method, path }: Call) => userToken !== undefined && (method === 'PUT' || !path.startsWith('book_'));

  async function call(given: Call): Promise<Reply> {
    const { method = 'GET', path, query = {}, body, signal, what: doing } = given;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) for (const each of [value ?? []].flat()) search.append(name, each);
    const answer = await limited({
      method,
      operation: `${method} ${path.replace(/\/.*/, '')}`,
      url: `${base}/${path}${search.size === 0 ? '' : `?${search}`}`,
      headers: {
        Accept: platform.accept,
        'Content-Type': 'application/json',
        Authorization: `Bearer ${partnerToken}${isAsUser(given) ? `, User ${userToken}` : ''}`,
      },
      // A DELETE with a body, also with `null`, is refused.
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal,
    });
    const what = `${doing} in ${platform.title}`;
    if (answer.status >= 400) throw refusal(answer, what, isAsUser(given));
    if (answer.status < 200 || answer.status >= 300) throw httpFailure(answer, what, 'crm_rejected');
    if (answer.bytes.length === 0) {
      if (method === 'DELETE') return { data: null, meta: {} };
      throw badReply(answer, what, 'a reply');
    }
    const reply = answer.json();
    const { success, data, meta } = fieldsOf(reply);
    if (success === false) throw refusal(answer, what, isAsUser(given));
    if (success !== true) throw badReply(answer, what, '"success": true');
    return { data, meta: fieldsOf(meta) };
  }

  /** What a refusal means; the codes 431 to 438 are of online booking. */
  function refusal(answer: HttpAnswer, what: string, asUser: boolean): PolybError {
    const failed = (code: Code, text: string, details: ErrorDetails = {}) =>
      new PolybError(code, `${what}: ${text}`, { evidence: evidenceOf(answer), outcome: 'not_executed', ...details });
    const { status } = answer;
    if (isLimit(answer)) {
      const text = `${platform.title} does not accept requests from this address for now; they resume in a minute.`;
      return status === 429
        ? failed('resource_exhausted', text, { reason: 'rate_limited', retryAfterMs: pauseMs })
        : failed('unavailable', text, { reason: 'blocked', retryAfterMs: pauseMs });
    }
    const body = bodyOf(answer);
    const known = bookingRefusals[codeIn(body) ?? 0];
    if (known !== undefined) return failed(known.code, known.text, known);
    if (status === 401)
      return asUser
        ? failed(
            'failed_precondition',
            `the user token is no longer valid, as after a change of the password. Get another one with POST /auth and set ${platform.userTokenSetting}.`,
            { reason: 'reauthorise' },
          )
        : failed('failed_precondition', 'the partner token is wrong.', { reason: 'upstream_credentials' });
    if (status === 403)
      return failed(
        'failed_precondition',
        `the ${asUser ? 'user' : 'partner'} has no right to do this; grant it in the settings of the location.`,
        { reason: 'upstream_credentials' },
      );
    const field = Object.keys(fieldsOf(fieldsOf(body.meta).errors))[0];
    if (status < 500 && field !== undefined)
      return failed('failed_precondition', `the field ${field.slice(0, 100)} was refused.`, {
        reason: 'crm_rejected',
        data: { field: field.slice(0, 100) },
      });
    if (status < 300) return failed('failed_precondition', 'it was refused.', { reason: 'crm_rejected' });
    return httpFailure(answer, what, 'crm_rejected');
  }

  return {
    hasUser: userToken !== undefined,
    call,
    async find(given) {
      try {
        return await call(given);
      } catch (thrown) {
        if ((thrown as PolybError).code === 'not_found') return null;
        throw thrown;
      }
    },
    async rows(mostPages, page) {
      const found = new Map<string, Fields>();
      for (let number = 1; number <= mostPages; number += 1) {
        const { data, meta } = await call(page(number, pageSize));
        const before = found.size;
        for (const row of listOf(data)) {
          const id = idOf(row.id);
          if (id !== null) found.set(id, row);
        }
        const total = numberOf(meta.total_count);
        // A location may have smaller pages than requested: the total decides where there is one.
        const isLast = total === null ? listOf(data).length < pageSize : found.size >= total;
        if (isLast || found.size === before) return { rows: [...found.values()], isComplete: true };
      }
      return { rows: [...found.values()], isComplete: false };
    },
  };
}

interface Refusal {
  readonly code: Code;
  readonly reason: string;
  readonly text: string;
  readonly data?: object;
}
const busy: Refusal = { code: 'conflict', reason: 'slot_busy', text: 'the time is taken.' };
const rejected = (text: string, field: string): Refusal => ({ code: 'failed_precondition', reason: 'crm_rejected', text, data: { field } });
const bookingRefusals: Readonly<Record<number, Refusal>> = {
  431: rejected('the phone is invalid.', 'phone'),
  432: rejected('the location confirms phones by SMS, which a booking on behalf of the client cannot do; switch it off there.', 'code'),
  433: busy,
  434: { code: 'failed_precondition', reason: 'client_blocked', text: 'the client is on the black list of the location.' },
  435: rejected('the name is missing.', 'name'),
  436: busy,
  437: busy,
  438: rejected('the service is no longer offered.', 'services'),
};
/** Replies name the code in several places. */
function codeIn(body: Fields): number | null {
  const meta = fieldsOf(body.meta);
  const places = [body, meta, fieldsOf(body.errors), fieldsOf(meta.errors), ...listOf(body.errors), ...listOf(meta.errors)];
  return places.map(({ code }) => numberOf(code)).find((code) => code !== null && code in bookingRefusals) ?? null;
}
function isLimit(answer: HttpAnswer): boolean {
  return answer.status === 429 || (answer.status < 500 && answer.status !== 404 && answer.text().trimStart().startsWith('<'));
}
function bodyOf(answer: HttpAnswer): Fields {
  try {
    return fieldsOf(answer.json());
  } catch {
    return {}; // The status says enough.
  }
}
function badReply(answer: HttpAnswer, what: string, expected: string): PolybError {
  return new PolybError('upstream_failed', `${what}: expected ${expected}; check the base URL in the settings.`, {
    reason: 'bad_reply',
    evidence: evidenceOf(answer),
  });
}

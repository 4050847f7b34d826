/**
 * amoCRM's API v4: addressing, tokens, limits, lists, errors.
 * Source: amoCRM documentation, API v4; the SDK amocrm/amocrm-api-php.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { scrub } from '../../../contracts/kit/scrub.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { jsonObjectIn } from '../../json-body.ts';
import { withAccess } from '../../oauth.ts';
import { limitedHttp } from '../../quota.ts';
import { amoTokens } from './oauth.ts';
import { type AmoSettings, accountUrl } from './settings.ts';

export type AmoRecord = { readonly id: number } & Readonly<Record<string, unknown>>;
type Query = readonly (readonly [name: string, value: string | number])[];
interface Listing {
  readonly signal: AbortSignal;
  /** Default: five. */
  readonly pages?: number;
  /** True for a page after which nothing is wanted. */
  readonly until?: (page: readonly AmoRecord[]) => boolean;
}
export interface AmoClient {
  /** Null for a record that is not there. */
  get(path: string, query: Query, signal: AbortSignal): Promise<AmoRecord | null>;
  /** The records below `_embedded.<name>`, at most five pages of 250; none of a record that is not there. */
  list(path: string, name: string, query: Query, at: Listing): Promise<readonly AmoRecord[]>;
  /** Creates one record and returns its id; the reply has hardly more. */
  create(path: string, name: string, attributes: object, signal: AbortSignal): Promise<number>;
  update(path: string, attributes: object, signal: AbortSignal): Promise<void>;
  /** A reply with any status. */
  post(path: string, body: object, signal: AbortSignal): Promise<HttpAnswer>;
}

const pageSize = 250;
const mostPages = 5;
const blockedMs = 600_000;
const accountPerSecond = 50;
/** A page of contacts with many fields. */
const maxBytes = 8_000_000;
/** Requests are spaced evenly, and a little more than required: they may arrive closer together than they left. */
const spacingMs = (perSecond: number): number => Math.ceil(1050 / perSecond);

export function amoClient(settings: AmoSettings, deps: Deps): AmoClient {
  const base = accountUrl(settings);
  const { host } = new URL(base);
  const { AMOCRM_TOKEN: token, AMOCRM_CLIENT_ID: clientId = '', AMOCRM_REQUESTS_PER_SECOND: perSecond } = settings;
  const identity = createHash('sha256')
    .update(token ?? clientId)
    .digest('hex')
    .slice(0, 16);
  // Kommo counts by address.
  const integration = `amocrm:integration:${host.endsWith('.kommo.com') ? 'kommo' : identity}`;
  const http = limitedHttp(deps.http, deps, {
    limits: () => [
      { bucket: integration, limit: 1, windowMs: spacingMs(perSecond) },
      { bucket: `amocrm:account:${host}`, limit: 1, windowMs: spacingMs(Math.max(perSecond, accountPerSecond)) },
    ],
    covers: () => ['amocrm:address'],
    cooldownsOf(answer) {
      if (answer.status === 429) return [{ bucket: integration, ms: retryAfterMs(answer) }];
      return isBlock(answer) ? [{ bucket: 'amocrm:address', ms: blockedMs }] : [];
    },
  });
  const tokens = token === undefined ? amoTokens(settings, { ...deps, http }) : undefined;

  function send(method: 'GET' | 'POST' | 'PATCH', url: string, signal: AbortSignal, body?: object): Promise<HttpAnswer> {
    const path = new URL(url).pathname.replace('/api/v4/', '');
    const request = (accessToken: string) =>
      http({
        method,
        operation: `${method} ${path.replace(/\/\d+/g, '')}`,
        url,
        headers: {
          Authorization: `Bearer ${accessToken}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
        maxBytes,
      });
    return tokens === undefined ? request(token ?? '') : withAccess(tokens, signal, ({ accessToken }) => request(accessToken));
  }
  const urlOf = (path: string, query: Query = []) => {
    const search = new URLSearchParams(query.map(([name, value]): [string, string] => [name, String(value)])).toString();
    return `${base}/api/v4/${path}${search === '' ? '' : `?${search}`}`;
  };
  /** The next page, at the account's own address. @throws PolybError upstream_failed/bad_reply for another one. */
  function nextOf(body: object, what: string): string | undefined {
    const { data } = WithNext.safeParse(body);
    if (data === undefined) return undefined;
    const { href } = data._links.next;
    if (URL.parse(href)?.origin !== base) throw badReply(what, 'the next page at the same address');
    return href;
  }

  return {
    async get(path, query, signal) {
      const what = `Reading ${path.replace(/\/\d+/, '')} in amoCRM`;
      const answer = await send('GET', urlOf(path, query), signal);
      if (answer.status === 204 || answer.status === 404) return null;
      return recordOf(objectIn(successful(answer, what), what), what);
    },
    async list(path, name, query, { signal, pages = mostPages, until = () => false }) {
      const what = `Listing ${name} in amoCRM`;
      const found = new Map<number, AmoRecord>();
      let url: string | undefined = urlOf(path, [...query, ['limit', pageSize]]);
      for (let page = 0; url !== undefined && page < pages; page += 1) {
        const answer = await send('GET', url, signal);
        if (answer.status === 204 || (answer.status === 404 && /\/\d+\//.test(path))) break;
        const body = objectIn(successful(answer, what), what);
        const before = found.size;
        const records = embedded(body, name, what);
        for (const record of records) found.set(record.id, record);
        // A page without new records ends the list too: a server may return its first page for every page.
        url = found.size === before || until(records) ? undefined : nextOf(body, what);
      }
      return [...found.values()];
    },
    async create(path, name, attributes, signal) {
      const what = `Creating ${name} in amoCRM`;
      const answer = await send('POST', urlOf(path), signal, [attributes]);
      const [made] = embedded(objectIn(successful(answer, what), what), name, what);
      if (made === undefined) throw badReply(what, 'the new record');
      return made.id;
    },
    async update(path, attributes, signal) {
      successful(await send('PATCH', urlOf(path), signal, attributes), `Changing ${path.replace(/\/\d+/, '')} in amoCRM`);
    },
    post: (path, body, signal) => send('POST', urlOf(path), signal, body),
  };
}

/** @throws PolybError for every status but 2xx. */
export function successful(answer: HttpAnswer, what: string): HttpAnswer {
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  if (isBlock(answer))
    throw new PolybError('unavailable', `${what}: amoCRM blocks the address of this server; requests stop for a while. Ask its support.`, {
      reason: 'blocked',
      retryAfterMs: blockedMs,
      evidence: httpFailure(answer, what).evidence,
    });
  if (status === 402) throw new PolybError('failed_precondition', `${what}: the account is not paid.`, { reason: 'upstream_credentials' });
  const [problem] = Problems.safeParse(jsonObjectIn(answer)).data?.['validation-errors'].flatMap(({ errors }) => errors) ?? [];
  const shown = problem === undefined ? what : `${what} (${scrub(`${problem.path}: ${problem.code}`)})`;
  const failure = httpFailure(answer, shown, 'crm_rejected');
  const { code, message, reason, evidence } = failure;
  if (status === 429) throw new PolybError(code, message, { reason: 'rate_limited', evidence, retryAfterMs: retryAfterMs(answer) });
  if (problem === undefined) throw failure;
  throw new PolybError(code, message, { reason, evidence, data: { field: problem.path, rule: problem.code } });
}
const Problems = z.object({
  'validation-errors': z.array(
    z.object({ errors: z.array(z.object({ code: z.string().min(1).max(100), path: z.string().min(1).max(100) })) }),
  ),
});

/** An IP that went on above the limit gets a page with 403, at every address; missing rights are JSON. */
function isBlock(answer: HttpAnswer): boolean {
  return answer.status === 403 && jsonObjectIn(answer) === undefined;
}
/** The body of a 429 has `retry_after` in seconds, or is no JSON. */
function retryAfterMs(answer: HttpAnswer): number {
  const { retry_after: seconds } = (jsonObjectIn(answer) ?? {}) as { readonly retry_after?: unknown };
  if (typeof seconds === 'number' && seconds > 0 && seconds <= 86_400) return seconds * 1000;
  return httpFailure(answer, '').retryAfterMs ?? 1000;
}
export function objectIn(answer: HttpAnswer, what: string): object {
  const body = answer.json();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badReply(what, 'an object');
  return body;
}
/** Made once: zod compiles a schema at its first use. */
const WithEmbedded = z.object({ _embedded: z.record(z.string(), z.unknown()) });
const WithNext = z.object({ _links: z.object({ next: z.object({ href: z.string() }) }) });

function embedded(body: object, name: string, what: string): readonly AmoRecord[] {
  const { data } = WithEmbedded.safeParse(body);
  const list = data?._embedded[name];
  if (!Array.isArray(list)) throw badReply(what, `_embedded.${name}`);
  return list.map((record) => recordOf(record, what));
}
function recordOf(record: unknown, what: string): AmoRecord {
  if (typeof record !== 'object' || record === null || !Number.isSafeInteger((record as { id?: unknown }).id))
    throw badReply(what, 'a record with an id');
  return record as AmoRecord;
}
function badReply(what: string, expected: string): PolybError {
  return new PolybError('upstream_failed', `${what}: expected ${expected} in the reply; check AMOCRM_SUBDOMAIN and AMOCRM_URL.`, {
    reason: 'bad_reply',
  });
}

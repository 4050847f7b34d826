/**
 * EspoCRM's REST API: addressing, signing, lists, creating and changing records.
 * Source: EspoCRM documentation, Development / API, and the behaviour of EspoCRM 9.1.7.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { scrub } from '../../../contracts/kit/scrub.ts';
import { concurrentHttp } from '../../concurrency.ts';
import type { Http, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';

export type EspoEntity = 'Contact' | 'Lead' | 'Opportunity' | 'Task' | 'Call' | 'Note' | 'Meeting' | 'User';
export type EspoRecord = { readonly id: string } & Readonly<Record<string, unknown>>;
export type Where =
  | {
      readonly type: 'equals' | 'contains' | 'startsWith' | 'endsWith' | 'greaterThanOrEquals' | 'lessThan';
      readonly attribute: string;
      readonly value: string;
    }
  | { readonly type: 'in'; readonly attribute: string; readonly value: readonly string[] }
  | { readonly type: 'isTrue'; readonly attribute: string }
  | { readonly type: 'or'; readonly value: readonly Where[] };
/** Of a list; by default the oldest 200. */
export interface ListOrder {
  readonly orderBy?: 'createdAt' | 'dateStart';
  readonly order?: 'asc' | 'desc';
  readonly most?: number;
}
/** From and to as EspoCRM writes times. */
export interface BusyRange {
  readonly dateStart: string;
  readonly dateEnd: string;
}
export interface EspoClient {
  /** Records in as many pages as the server's limit requires. A record here shows only its main phone. */
  list(
    entity: EspoEntity | `Contact/${string}/${'meetings' | 'opportunities'}`,
    where: readonly Where[],
    order: ListOrder,
    signal: AbortSignal,
  ): Promise<readonly EspoRecord[]>;
  /** When users are busy, by their id. */
  busyRanges(
    userIds: readonly string[],
    span: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, readonly BusyRange[]>>>;
  get(entity: EspoEntity, id: string, signal: AbortSignal): Promise<EspoRecord | null>;
  /** Returns duplicates when the server refuses the record because of them; it checks name and e-mail, in any status of the record. */
  create(
    entity: EspoEntity,
    attributes: object,
    at: { readonly signal: AbortSignal; readonly skipDuplicateCheck?: boolean },
  ): Promise<{ readonly made: EspoRecord } | { readonly duplicates: readonly EspoRecord[] }>;
  update(entity: EspoEntity, id: string, attributes: object, signal: AbortSignal): Promise<EspoRecord>;
}

/** The default of the server; an administrator may change `recordListMaxSizeLimit`. */
const maxPage = 200;
const mostListed = 200;
/** EspoCRM has no limit of its own; each request takes a PHP process. */
const mostRequests = 4;

export function espoClient({
  http,
  url,
  apiKey,
  secretKey,
}: {
  readonly http: Http;
  /** URL of the CRM's pages, with or without `/api/v1`. */
  readonly url: string;
  readonly apiKey: string;
  /** Credentials of an API user that signs its requests. */
  readonly secretKey?: string | undefined;
}): EspoClient {
  const limited = concurrentHttp(http, mostRequests);
  const base = `${url.replace(/\/+$/, '').replace(/\/api\/v1$/, '')}/api/v1`;

  /** The signature covers the path below `api/v1` without the query. */
  const identify = (method: string, path: string): Record<string, string> => {
    if (secretKey === undefined) return { 'X-Api-Key': apiKey };
    const digest = createHmac('sha256', secretKey).update(`${method} /${path}`).digest('hex');
    return { 'X-Hmac-Authorization': Buffer.from(`${apiKey}:${digest}`).toString('base64') };
  };
  const send = (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    signal: AbortSignal,
    more: { readonly query?: URLSearchParams; readonly body?: object; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<HttpAnswer> =>
    limited({
      method,
      operation: `${method} ${path.split('/', 1)[0]}`,
      url: `${base}/${path}${more.query === undefined ? '' : `?${more.query}`}`,
      headers: {
        ...identify(method, path),
        ...(more.body === undefined ? { 'X-No-Total': 'true' } : { 'Content-Type': 'application/json' }),
        ...more.headers,
      },
      ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
      signal,
    });

  let pageSize = maxPage;
  async function page(
    entity: string,
    where: readonly Where[],
    at: { readonly order: ListOrder; readonly offset: number; readonly signal: AbortSignal },
  ): Promise<readonly EspoRecord[]> {
    const { signal, offset } = at;
    const { orderBy = 'createdAt', order = 'asc' } = at.order;
    const query = new URLSearchParams({ maxSize: String(pageSize), offset: String(offset), orderBy, order });
    for (const [nth, item] of where.entries()) appendWhere(query, `where[${nth}]`, item);
    const what = `Searching ${entity} in EspoCRM`;
    const answer = await send('GET', entity, signal, { query });
    const allowed = answer.status === 403 ? pageLimitOf(answer) : undefined;
    if (allowed !== undefined) {
      if (!(allowed >= 1 && allowed < pageSize))
        throw new PolybError(
          'failed_precondition',
          `${what}: a page of ${pageSize} is over the server's recordListMaxSizeLimit; raise it.`,
          {
            reason: 'crm_rejected',
          },
        );
      pageSize = allowed;
      return page(entity, where, at);
    }
    const { list } = objectOf(successful(answer, what), what);
    if (!Array.isArray(list)) throw badReply(what, 'a list of records');
    return list.map((record) => recordOf(record, what));
  }

  return {
    async list(entity, where, order, signal) {
      const { most = mostListed } = order;
      const found = new Map<string, EspoRecord>();
      for (let offset = 0; ; ) {
        const records = await page(entity, where, { order, offset, signal });
        const before = found.size;
        for (const record of records) found.set(record.id, record);
        offset += records.length;
        // A page without new records ends the list too: a server may return its first page for every page.
        if (records.length < pageSize || found.size === before || found.size >= most) return [...found.values()].slice(0, most);
      }
    },
    async busyRanges(userIds, { from, to }, signal) {
      const what = 'Reading busy times in EspoCRM';
      const query = new URLSearchParams({ userIdList: userIds.join(','), from, to });
      const ranges = BusyRanges.safeParse(objectOf(successful(await send('GET', 'Timeline/busyRanges', signal, { query }), what), what));
      if (!ranges.success) throw badReply(what, 'busy ranges of each user');
      return ranges.data;
    },
    async get(entity, id, signal) {
      const what = `Reading a ${entity} of EspoCRM`;
      const answer = await send('GET', `${entity}/${encodeURIComponent(id)}`, signal);
      return answer.status === 404 ? null : recordOf(successful(answer, what).json(), what);
    },
    async create(entity, attributes, { signal, skipDuplicateCheck = false }) {
      const what = `Creating a ${entity} in EspoCRM`;
      const answer = await send('POST', entity, signal, {
        body: attributes,
        ...(skipDuplicateCheck ? { headers: { 'X-Skip-Duplicate-Check': 'true' } } : {}),
      });
      // 409 has two meanings: an array of duplicates, or an object stored by another user meanwhile.
      if (answer.status === 409 && answer.text().trimStart().startsWith('[')) {
        const duplicates = answer.json();
        if (!Array.isArray(duplicates)) throw badReply(what, 'a list of duplicates');
        return { duplicates: duplicates.map((record) => recordOf(record, what)) };
      }
      if (answer.status === 404)
        throw new PolybError('failed_precondition', `${what}: there is no ${entity} at this address; check ESPOCRM_URL.`, {
          reason: 'crm_rejected',
        });
      return { made: recordOf(successful(answer, what).json(), what) };
    },
    async update(entity, id, attributes, signal) {
      const what = `Changing a ${entity} of EspoCRM`;
      return recordOf(
        successful(await send('PUT', `${entity}/${encodeURIComponent(id)}`, signal, { body: attributes }), what).json(),
        what,
      );
    },
  };
}

/** Brackets as PHP reads them. `URLSearchParams` writes a plus as %2B: a plain plus would be read as a space and find nothing. */
function appendWhere(query: URLSearchParams, at: string, item: Where): void {
  query.append(`${at}[type]`, item.type);
  if (item.type === 'or') {
    for (const [nth, inner] of item.value.entries()) appendWhere(query, `${at}[value][${nth}]`, inner);
    return;
  }
  query.append(`${at}[attribute]`, item.attribute);
  if (item.type === 'isTrue') return;
  if (item.type === 'in') for (const value of item.value) query.append(`${at}[value][]`, value);
  else query.append(`${at}[value]`, item.value);
}

const BusyRanges = z.record(z.string(), z.array(z.object({ dateStart: z.string(), dateEnd: z.string() })));

/** `2026-11-20 08:30:41`, in UTC without a zone. */
export function espoTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
export function timeFrom(value: unknown): string {
  return new Date(`${String(value).replace(' ', 'T')}Z`).toISOString();
}

/** The maximum page size, from a 403 that is not about permissions; NaN if it does not name one. */
function pageLimitOf({ headers }: HttpAnswer): number | undefined {
  const [found, size] = /max size should not exceed\s*(\d+)?/i.exec(headers['x-status-reason'] ?? '') ?? [];
  return found === undefined ? undefined : Number(size);
}

/** Most refusals have no body; the reason is in a header. A create returns 200, not 201. */
function successful(answer: HttpAnswer, what: string): HttpAnswer {
  if (answer.status === 200) return answer;
  const why = answer.headers['x-status-reason'];
  const failure = httpFailure(answer, why === undefined ? what : `${what} (${scrub(why.slice(0, 200))})`, 'crm_rejected');
  const { code, message, reason, evidence, retryAfterMs } = failure;
  const data = answer.status === 400 ? fieldOf(answer) : undefined;
  throw data === undefined ? failure : new PolybError(code, message, { reason, evidence, retryAfterMs, data });
}
const Validation = z.object({
  messageTranslation: z.object({ data: z.object({ field: z.string().min(1).max(100), type: z.string().max(100).optional() }) }),
});
/** The field that the server refuses, and the violated rule. */
function fieldOf(answer: HttpAnswer): { readonly field: string; readonly rule?: string | undefined } | undefined {
  let body: unknown;
  try {
    body = answer.json();
  } catch {
    return undefined; // A 400 may have an empty body.
  }
  const { data } = Validation.safeParse(body).data?.messageTranslation ?? {};
  return data === undefined ? undefined : { field: data.field, ...(data.type === undefined ? {} : { rule: data.type }) };
}
function objectOf(answer: HttpAnswer, what: string): Readonly<Record<string, unknown>> {
  const body = answer.json();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badReply(what, 'an object');
  return body as Readonly<Record<string, unknown>>; // An object that is not an array, see above.
}
function recordOf(body: unknown, what: string): EspoRecord {
  if (typeof body !== 'object' || body === null || typeof (body as { id?: unknown }).id !== 'string')
    throw badReply(what, 'a record with an id');
  return body as EspoRecord;
}
function badReply(what: string, expected: string): PolybError {
  return new PolybError('upstream_failed', `${what}: expected ${expected} in the reply; check that ESPOCRM_URL is an EspoCRM.`, {
    reason: 'bad_reply',
  });
}

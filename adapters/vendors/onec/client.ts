/**
 * 1C:Enterprise's standard OData interface (version 3.0): addressing, lists, reading and writing records.
 * Source: manual of platform 8.3.27, chapter 17.4; behaviour that the manual does not have was seen on public databases.
 */
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import { afterWrite } from '../../after-write.ts';
import { concurrentHttp } from '../../concurrency.ts';
import type { Http, HttpAnswer } from '../../deps.ts';
import { evidenceOf } from '../../http-failure.ts';
import { differenceOf, isHtml, literal, odataFailure, queryOf, textOf } from './odata.ts';

export type OnecRecord = { readonly Ref_Key: string; readonly DataVersion?: unknown } & Readonly<Record<string, unknown>>;
export interface ListQuery {
  readonly filter: string;
  readonly select?: readonly string[];
  /** Default: by key, which is the only order that does not lose records between pages. One page only in any other order. */
  readonly orderBy?: string;
}
export interface OnecClient {
  /** At most 1000 records in five requests. A server may ignore the filter: check every record. */
  list(entity: string, query: ListQuery, signal: AbortSignal): Promise<readonly OnecRecord[]>;
  get(entity: string, key: string, signal: AbortSignal): Promise<OnecRecord | null>;
  /** Reads the record back; one that is not stored as sent is marked for deletion. @throws PolybError failed_precondition/crm_rejected with the attribute. */
  create(entity: string, attributes: object, signal: AbortSignal): Promise<OnecRecord>;
  /**
   * Changes a record that was read before, and reads it back; a change that is not stored as sent is reverted.
   * @throws PolybError conflict/version_conflict if somebody changed it since.
   */
  change(entity: string, before: OnecRecord, attributes: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<OnecRecord>;
}

const pageSize = 200;
const mostPages = 5;
/** Of one list. */
export const mostListed = pageSize * mostPages;
/** Sessions take licences. */
const mostRequests = 2;

export function onecClient({
  http,
  url,
  user,
  password,
  timeoutMs,
}: {
  readonly http: Http;
  /** URL of the infobase, with or without `/odata/standard.odata`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** The first request after idle time takes more than 30 s. */
  readonly timeoutMs: number;
}): OnecClient {
  const base = `${url.replace(/\/+$/, '').replace(/\/odata\/standard\.odata$/, '')}/odata/standard.odata`;
  const limited = concurrentHttp(http, mostRequests);
  // A name or password in windows-1251 is refused, so both go out as UTF-8.
  const authorization = `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;

  async function send(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    signal: AbortSignal,
    more: { readonly query?: Readonly<Record<string, string | undefined>>; readonly body?: object; readonly version?: unknown } = {},
  ): Promise<HttpAnswer> {
    return limited({
      method,
      operation: `${method} ${path.split(/[_(]/, 1)[0]}`,
      // Without it the reply is Atom, that of a write too.
      url: `${base}/${path}?${queryOf({ ...more.query, $format: 'json' })}`,
      headers: {
        Authorization: authorization,
        Accept: 'application/json',
        ...(more.body !== undefined && { 'Content-Type': 'application/json; charset=utf-8' }),
        ...(typeof more.version === 'string' && { 'If-Match': more.version }),
      },
      ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
      signal,
      timeoutMs,
    });
  }
  const pathOf = (entity: string, key?: string) => encodeURIComponent(entity) + (key === undefined ? '' : `(${literal.key(key)})`);

  async function read(
    path: string,
    what: string,
    signal: AbortSignal,
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const once = async () => bodyOf(await send('GET', path, signal, { query }), what, false);
    try {
      return await once();
    } catch (thrown) {
      if (signal.aborted || !isPassing(thrown)) throw thrown;
      return once();
    }
  }
  async function page(
    entity: string,
    { filter, select, orderBy = 'Ref_Key' }: Partial<ListQuery>,
    at: { readonly skip?: number; readonly top: number; readonly signal: AbortSignal },
  ): Promise<readonly OnecRecord[]> {
    const what = `Searching ${entity} in 1C`;
    const { value } = await read(pathOf(entity), what, at.signal, {
      $filter: filter,
      $select: select?.join(','),
      $orderby: orderBy,
      $skip: at.skip === undefined ? undefined : String(at.skip),
      $top: String(at.top),
      // Without it one record hidden by the user's rights fails the whole list.
      allowedOnly: 'true',
    });
    if (!Array.isArray(value)) throw badReply(what, 'a list of records');
    return value.map((record) => recordOf(record, what));
  }

  /** In a compatibility mode of 8.2, filters find nothing and no error says so: "nothing found" is believed after a filter has found a record. */
  let areFiltersKnown = false;
  async function checkFilters(entity: string, signal: AbortSignal): Promise<void> {
    if (areFiltersKnown) return;
    const [any] = await page(entity, {}, { top: 1, signal });
    if (any === undefined) return;
    const found = await page(entity, { filter: `Ref_Key eq ${literal.key(any.Ref_Key)}` }, { top: 1, signal });
    if (!found.some(({ Ref_Key }) => Ref_Key === any.Ref_Key))
      throw new PolybError(
        'failed_precondition',
        `1C finds no record of ${entity} by a filter, although there is one; end the compatibility mode of the infobase (8.2).`,
        { reason: 'crm_rejected' },
      );
    areFiltersKnown = true;
  }

  async function get(entity: string, key: string, signal: AbortSignal): Promise<OnecRecord | null> {
    const what = `Reading ${entity} in 1C`;
    try {
      return recordOf(await read(pathOf(entity, key), what, signal), what);
    } catch (thrown) {
      if (isPolybError(thrown) && thrown.code === 'not_found') return null;
      throw thrown;
    }
  }
  const patch = async (
    entity: string,
    key: string,
    attributes: object,
    { signal, version }: { readonly signal: AbortSignal; readonly version?: unknown },
  ): Promise<void> => {
    const what = `Changing ${entity} in 1C`;
    bodyOf(await send('PATCH', pathOf(entity, key), signal, { body: attributes, version }), what, true);
  };
  /** @param undo takes back what was written; then nothing was done. */
  async function readBack(
    entity: string,
    key: string,
    sent: object,
    { signal, undo }: { readonly signal: AbortSignal; readonly undo: () => Promise<void> },
  ): Promise<OnecRecord> {
    const { stored, difference } = await afterWrite(`A record of ${entity} in 1C`, async () => {
      const found = await get(entity, key, signal);
      if (found === null) throw badReply(`Reading ${entity} back`, 'the record that was just written');
      const wrong = differenceOf(sent, found);
      if (wrong !== undefined) await undo();
      return { stored: found, difference: wrong };
    });
    if (difference === undefined) return stored;
    const { field, rule } = difference;
    const cure = rule === 'ignored' ? 'correct its name in ONEC_MAPPING' : 'send less, or map it to another attribute';
    throw new PolybError('failed_precondition', `1C did not store ${entity}.${field} as sent (${rule}); ${cure}. The write was undone.`, {
      reason: 'crm_rejected',
      data: { field, rule },
      outcome: 'not_executed',
    });
  }

  return {
    async list(entity, query, signal) {
      const found = new Map<string, OnecRecord>();
      const pages = query.orderBy === undefined ? mostPages : 1;
      for (let nth = 0; nth < pages; nth += 1) {
        const records = await page(entity, query, { ...(nth > 0 && { skip: nth * pageSize }), top: pageSize, signal });
        const before = found.size;
        for (const record of records) found.set(`${record.Ref_Key} ${record.LineNumber ?? ''}`, record);
        if (records.length < pageSize || found.size === before) break;
      }
      if (found.size === 0) await checkFilters(entity, signal);
      return [...found.values()];
    },
    get,
    async create(entity, attributes, signal) {
      const what = `Creating ${entity} in 1C`;
      const { Ref_Key } = recordOf(bodyOf(await send('POST', pathOf(entity), signal, { body: attributes }), what, true), what);
      return readBack(entity, Ref_Key, attributes, { signal, undo: () => patch(entity, Ref_Key, { DeletionMark: true }, { signal }) });
    },
    async change(entity, before, attributes, signal) {
      const { Ref_Key, DataVersion: version } = before;
      const current = await get(entity, Ref_Key, signal);
      // Some servers accept a stale If-Match, so the versions are compared here too.
      if (current === null || String(current.DataVersion) !== String(version))
        throw new PolybError('conflict', `Somebody changed this record of ${entity} in 1C meanwhile; read it again.`, {
          reason: 'version_conflict',
        });
      await patch(entity, Ref_Key, attributes, { signal, version });
      const old = Object.fromEntries(Object.keys(attributes).flatMap((name) => (name in before ? [[name, before[name]]] : [])));
      return readBack(entity, Ref_Key, attributes, { signal, undo: () => patch(entity, Ref_Key, old, { signal }) });
    },
  };
}

/** A read may be repeated once: the server was starting, or the connection broke. */
function isPassing(thrown: unknown): boolean {
  if (!isPolybError(thrown)) return false;
  const { code, reason } = thrown;
  return (
    (code === 'unavailable' && reason === 'connect_failed') ||
    (code === 'upstream_failed' && (reason === 'cut_off' || reason === 'upstream_status'))
  );
}
function bodyOf(answer: HttpAnswer, what: string, isWrite: boolean): Readonly<Record<string, unknown>> {
  const text = textOf(answer);
  const { status } = answer;
  const isSuccess = status >= 200 && status < 300;
  // A login page comes with any status, 200 too.
  if (isSuccess && isHtml(answer, text)) {
    const page = `${what}: a web page instead of data, perhaps a login page; check ONEC_URL, ONEC_USER and ONEC_PASSWORD.`;
    if (isWrite) throw new PolybError('upstream_failed', page, { reason: 'bad_reply', evidence: evidenceOf(answer) });
    throw new PolybError('failed_precondition', page, { reason: 'upstream_credentials', evidence: evidenceOf(answer) });
  }
  if (!isSuccess) throw odataFailure(answer, what);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badReply(what, 'JSON', answer); // The parser's message quotes the body.
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badReply(what, 'an object', answer);
  const { 'odata.error': error } = body as { readonly 'odata.error'?: unknown };
  if (typeof error === 'object' && error !== null && 'code' in error) throw odataFailure({ ...answer, status: 400 }, what);
  if (error !== undefined) throw badReply(what, 'data or an error with a code', answer);
  return body as Readonly<Record<string, unknown>>; // An object that is not an array, see above.
}
function recordOf(body: unknown, what: string): OnecRecord {
  if (typeof body !== 'object' || body === null || typeof (body as { Ref_Key?: unknown }).Ref_Key !== 'string')
    throw badReply(what, 'a record with a Ref_Key');
  return body as OnecRecord;
}
function badReply(what: string, expected: string, answer?: HttpAnswer): PolybError {
  return new PolybError('upstream_failed', `${what}: expected ${expected} in the reply; check that ONEC_URL is an infobase of 1C.`, {
    reason: 'bad_reply',
    ...(answer !== undefined && { evidence: evidenceOf(answer) }),
  });
}

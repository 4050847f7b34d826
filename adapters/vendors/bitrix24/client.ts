/**
 * The REST API of Bitrix24: addressing, access, lists and batches. Source: b24restdocs, settings/how-to-call-rest-api.
 *
 * An *incoming webhook* has its secret in the path and the permissions of the user who made it; an *application* has tokens, and may call
 * telephony too.
 */
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { type TokenStore, withAccess } from '../../oauth.ts';
import { limitedHttp } from '../../quota.ts';
import { envelopeOf, isObject, type Refusals, refusal, replyFailure, vendorError } from './envelope.ts';
import { type BitrixLimits, bitrixLimits, type buckets } from './limits.ts';

export type Params = Readonly<Record<string, unknown>>;
export type BitrixRecord = Readonly<Record<string, unknown>>;
interface Webhook {
  readonly kind: 'webhook';
  /** With a slash at its end. */
  readonly url: string;
}
interface Application {
  readonly kind: 'application';
  /** `https://example.bitrix24.ru` */
  readonly portal: string;
  readonly tokens: Pick<TokenStore, 'access'>;
}
export type Access = Webhook | Application;
export interface At {
  readonly signal: AbortSignal;
  readonly refusals?: Refusals;
}
export interface Command {
  readonly method: string;
  readonly params: Params;
}
/** The result of a command of a batch. @throws PolybError if the command was refused, or was not reached after another one failed. */
export type BatchResult = (key: string, refusals?: Refusals) => unknown;

export interface BitrixClient {
  readonly kind: Access['kind'];
  /** The value of `result`. */
  call(method: string, params: Params, at: At): Promise<unknown>;
  /** Records of at most `pages` pages of 50; ends when a page brings no new id. */
  list(method: string, params: Params, list: At & { readonly key?: string; readonly pages?: number }): Promise<readonly BitrixRecord[]>;
  /** At most 50 commands in one request; a value may be a `resultOf` an earlier one. With `halt` the first failure ends it. */
  batch(commands: Readonly<Record<string, Command>>, at: At & { readonly halt?: boolean }): Promise<BatchResult>;
}

const pageSize = 50;
export const mostPages = 5;

export function bitrixClient({
  access,
  tariff,
  deps: { http: bare, cache, now, connection },
}: {
  readonly access: Access;
  readonly tariff: keyof typeof buckets;
  readonly deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>;
}): BitrixClient {
  const base = access.kind === 'webhook' ? access.url : `${access.portal}/rest/`;
  const limits: BitrixLimits = bitrixLimits({ host: new URL(base).host, connection, tariff, now });
  const http = limitedHttp(bare, { cache, now }, limits);

  const post = (method: string, body: Params, signal: AbortSignal): Promise<HttpAnswer> =>
    http({
      method: 'POST',
      operation: method,
      url: `${base}${method}`,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  /** A token that expired meanwhile is renewed once: the request was not executed. */
  async function send(method: string, params: Params, signal: AbortSignal): Promise<HttpAnswer> {
    if (access.kind === 'webhook') return post(method, params, signal);
    const withToken = ({ accessToken }: { readonly accessToken: string }) => post(method, { ...params, auth: accessToken }, signal);
    const isExpired = (answer: HttpAnswer) => envelopeOf(answer)?.error?.code === 'expired_token';
    const last = await withAccess(access.tokens, signal, withToken, isExpired);
    if (last.status !== 401) return last;
    throw new PolybError('failed_precondition', 'Bitrix24 accepts no token of this application; run polyb crm connect bitrix24.', {
      reason: 'reauthorise',
      outcome: 'not_executed',
    });
  }
  const said = (method: string) => `${method} of Bitrix24`;
  async function request(method: string, params: Params, { signal, refusals }: At) {
    const answer = await send(method, params, signal);
    const envelope = envelopeOf(answer);
    if (answer.status === 200 && envelope?.error === undefined && envelope !== null && 'result' in envelope) return { answer, ...envelope };
    throw refusals?.[envelope?.error?.code ?? '']?.() ?? replyFailure(answer, said(method), waitMs(answer, method));
  }
  const waitMs = (answer: HttpAnswer, method: string) =>
    envelopeOf(answer)?.error?.code === 'QUERY_LIMIT_EXCEEDED' ? 2_000 : limits.blockedForMs(method);

  return {
    kind: access.kind,
    call: async (method, params, at) => (await request(method, params, at)).result,
    async list(method, params, { key, pages = mostPages, ...at }) {
      const found = new Map<string, BitrixRecord>();
      for (let page = 0, start = 0; page < pages; page += 1) {
        const { result, next } = await request(method, { ...params, start }, at);
        const records = recordsOf(result, key, said(method));
        const before = found.size;
        for (const record of records) found.set(idOf(record), record);
        // A method may ignore `start` and return its first page for every page.
        if (next === undefined || found.size === before || records.length < pageSize) break;
        start = next;
      }
      return [...found.values()];
    },
    async batch(commands, { halt = false, ...at }) {
      const cmd = Object.fromEntries(Object.entries(commands).map(([key, { method, params }]) => [key, `${method}?${phpQuery(params)}`]));
      const { answer, result } = await request('batch', { halt: halt ? 1 : 0, cmd }, at);
      if (!isObject(result)) throw badReply('batch of Bitrix24', 'the results of its commands');
      // Every part is an empty list when it has no entry, whatever the status of the commands.
      const [results, errors] = [result.result, result.result_error].map((part) => (isObject(part) || Array.isArray(part) ? part : []));
      const partOf = (part: object | undefined, key: string): unknown => (part as BitrixRecord)[key];
      return (key, refusals) => {
        const method = commands[key]?.method ?? key;
        const error = partOf(errors, key);
        if (error !== undefined) {
          const refused = vendorError(error, undefined);
          throw refusals?.[refused.code]?.() ?? refusal(refused, said(method), { answer, retryAfterMs: limits.blockedForMs(method) });
        }
        const value = partOf(results, key);
        if (value === undefined) throw badReply(said(method), 'a result, or an error, of the command');
        return value;
      };
    },
  };
}

/** Upper-case methods have `ID`, the others `id`, as a number or as a text. */
export function idOf(record: unknown): string {
  const { id, ID = id } = isObject(record) ? record : {};
  if (typeof ID !== 'number' && (typeof ID !== 'string' || ID === '')) throw badReply('Bitrix24', 'a record with an id');
  return String(ID);
}
/** The list in a result: the result itself, or a field of it. An empty one may be `[]` for both. */
export function recordsOf(result: unknown, key: string | undefined, what: string): readonly BitrixRecord[] {
  const list = key === undefined || Array.isArray(result) ? result : isObject(result) ? result[key] : undefined;
  if (!Array.isArray(list) || !list.every(isObject)) throw badReply(what, 'a list of records');
  return list;
}
export function fieldOf(result: unknown, key: string, what: string): BitrixRecord {
  const record = isObject(result) ? result[key] : undefined;
  if (!isObject(record)) throw badReply(what, `a ${key}`);
  return record;
}
/** Null for a record that is not there, and for a command whose reference named none. */
export function orAbsent<T>(read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (isPolybError(thrown) && (thrown.code === 'not_found' || thrown.reason === 'crm_rejected')) return null;
    throw thrown;
  }
}
/** Seconds and an offset: the portal does not read milliseconds. */
export function timeOf(time: Date | string): string {
  return `${new Date(time).toISOString().slice(0, 19)}+00:00`;
}
export function badReply(what: string, expected: string): PolybError {
  return new PolybError('upstream_failed', `${what}: expected ${expected} in the reply.`, { reason: 'bad_reply' });
}

/** A value of a batch: a field of the result of an earlier command. */
export function resultOf(key: string, ...path: readonly string[]): { readonly reference: string } {
  return { reference: `$result${[key, ...path].map((part) => `[${part}]`).join('')}` };
}

/** `a[b][0]=c` as PHP reads it. */
function phpQuery(params: Params): string {
  return pairs(params, '').join('&');
}
function pairs(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object') return [`${name}=${encodeURIComponent(literal(value))}`];
  if ('reference' in value) return [`${name}=${String(value.reference)}`];
  return Object.entries(value).flatMap(([key, inner]) => {
    const part = encodeURIComponent(key);
    return pairs(inner, name === '' ? part : `${name}[${part}]`);
  });
}
/** Text that a person wrote must not be read as a reference. */
function literal(value: unknown): string {
  return typeof value === 'boolean' ? String(Number(value)) : String(value).replace(/^\$result/, ' $&');
}

/**
 * A strict fake of amoCRM (API v4 and OAuth), for tests and demos: replies as documented, and fails on demand.
 * As a program: `node adapters/vendors/amocrm/fake.ts --port 0 --effects FILE` prints its address. The effects file has one JSON line
 * for each record created or changed. `POST /revoke` ends all tokens of the integration.
 */
import { randomUUID } from 'node:crypto';
import {
  type FakeReply,
  type FakeRequest,
  type FakeServer,
  type FakeServerOptions,
  fakeServer,
  runFake,
  slidingWindow,
} from '../../fake-server.ts';
import { type AmoRecords, amoRecords, amoUsers, type Entity, type FakeAmoRecord, refused } from './fake-records.ts';

export { amoPipelines } from './fake-records.ts';

export interface AmoFake extends FakeServer {
  readonly records: AmoRecords;
  /** The refresh token that works. */
  refreshToken(): string;
  revoke(): void;
}
export interface AmoFakeOptions extends FakeServerOptions {
  /** Requests in a second; default 7. */
  readonly limit?: number | undefined;
  /** How many requests above the limit within 10 s block the address for 10 minutes; default 20. */
  readonly blockedAfter?: number | undefined;
}
export const amoIntegration = {
  token: 'fake-long-lived-token',
  clientId: '6d1f2a9c-fake',
  clientSecret: 'fake-client-secret',
  redirectUri: 'http://127.0.0.1:8765/callback',
} as const;

const daySeconds = 86_400;
const blockedMs = 600_000;
const page = '<html><body><h1>403 Forbidden</h1></body></html>';

export async function amoFake(options: AmoFakeOptions = {}): Promise<AmoFake> {
  const { now = Date.now, limit = 7, blockedAfter = 20 } = options;
  const records = amoRecords({ now });
  const inSecond = slidingWindow({ limit, windowMs: 1000 }, now);
  const above = slidingWindow({ limit: blockedAfter, windowMs: 10_000 }, now);
  let blockedUntil = 0;
  const codes = new Set<string>();
  let refreshToken = '';
  const accessTokens = new Map<string, number>([[amoIntegration.token, Number.POSITIVE_INFINITY]]);

  function issue(): FakeReply {
    const accessToken = randomUUID();
    refreshToken = randomUUID();
    accessTokens.set(accessToken, now() + daySeconds * 1000);
    return { body: { token_type: 'Bearer', expires_in: daySeconds, access_token: accessToken, refresh_token: refreshToken } };
  }
  const notIssued = (hint: string, status = 401): FakeReply => ({
    status,
    headers: { 'Content-Type': 'application/problem+json' },
    body: {
      hint,
      title: 'Некорректный запрос',
      type: 'https://developers.amocrm.ru/v3/errors/OAuthProblemJson',
      status,
      detail: 'В запросе отсутствует ряд параметров или параметры невалидны',
    },
  });
  function token({ body }: FakeRequest): FakeReply {
    const given = JSON.parse(body) as Record<string, string>;
    if (given.client_id !== amoIntegration.clientId || given.client_secret !== amoIntegration.clientSecret)
      return notIssued('Check the `client_id` parameter');
    if (given.redirect_uri !== amoIntegration.redirectUri) return notIssued('Check the `redirect_uri` parameter', 400);
    if (given.grant_type === 'authorization_code')
      return codes.delete(given.code ?? '') ? issue() : notIssued('Authorization code has been revoked', 400);
    return given.refresh_token !== '' && given.refresh_token === refreshToken ? issue() : notIssued('Token has been revoked');
  }
  /** A page with one link, which grants access. */
  function consent(query: URLSearchParams): FakeReply {
    if (query.get('client_id') !== amoIntegration.clientId) return { status: 404 };
    const code = randomUUID();
    codes.add(code);
    const back = new URL(amoIntegration.redirectUri);
    back.search = new URLSearchParams({
      code,
      state: query.get('state') ?? '',
      referer: new URL(server.url).host,
      platform: '1',
    }).toString();
    return {
      headers: { 'Content-Type': 'text/html; charset=utf-8' },
      body: `<html><body><a href="${back.href.replaceAll('&', '&amp;')}">Allow</a></body></html>`,
    };
  }

  function api({ method, headers, body }: FakeRequest, path: string, query: URLSearchParams): FakeReply {
    const access = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if ((accessTokens.get(access) ?? 0) <= now()) throw refused(401, 'Unauthorized');
    if (Number(query.get('limit') ?? 50) > 250) throw refused(400, 'Bad Request', { detail: 'limit is at most 250' });
    const [entity = '', second, third] = path.split('/');
    if (path === 'users' && method === 'GET') return { headers: hal, body: { _page: 1, _links: {}, _embedded: { users: amoUsers } } };
    if (path === 'calls' && method === 'POST') return loggedCalls(JSON.parse(body));
    if (second === 'notes' && isAnnotated(entity) && method === 'GET')
      return listed('notes', path, query, (note) => note.entity_type === entity);
    if (third === 'notes' && isAnnotated(entity)) {
      const id = Number(second);
      if (records.get(entity, id, new URLSearchParams()) === undefined) throw refused(404, 'Not Found', { detail: 'Entity not found' });
      if (method === 'GET') return listed('notes', path, query, (note) => note.entity_type === entity && note.entity_id === id);
      if (method === 'POST') return created('notes', records.create('notes', JSON.parse(body), { entity_id: id, entity_type: entity }));
    }
    if (entity !== 'contacts' && entity !== 'leads' && entity !== 'tasks') throw refused(404, 'Not Found');
    if (second === undefined && method === 'GET') return listed(entity, path, query);
    if (second === undefined && method === 'POST') return created(entity, records.create(entity, JSON.parse(body)));
    if (second !== undefined && method === 'GET' && entity !== 'tasks') {
      const found = records.get(entity, Number(second), query);
      return found === undefined ? { status: 204 } : { headers: hal, body: found };
    }
    if (second !== undefined && method === 'PATCH') {
      const record = records.update(entity, Number(second), JSON.parse(body));
      server.effect({ did: 'update', entity, id: String(record.id), record });
      return { headers: hal, body: { id: record.id, updated_at: record.updated_at } };
    }
    throw refused(405, 'Method Not Allowed');
  }
  function listed(entity: Entity, path: string, query: URLSearchParams, among?: (record: FakeAmoRecord) => boolean): FakeReply {
    const size = Number(query.get('limit') ?? 50);
    const nth = Number(query.get('page') ?? 1);
    const found = records.list(entity, query, among);
    const shown = found.slice((nth - 1) * size, nth * size);
    if (shown.length === 0) return { status: 204 };
    const linkOf = (to: number) => {
      const search = new URLSearchParams(query);
      search.set('page', String(to));
      return { href: `${server.url}/api/v4/${path}?${search}` };
    };
    const next = found.length > nth * size ? { next: linkOf(nth + 1) } : {};
    return { headers: hal, body: { _page: nth, _links: { self: linkOf(nth), ...next }, _embedded: { [entity]: shown } } };
  }
  /** Hardly more than the ids. */
  function created(entity: Entity, made: readonly FakeAmoRecord[]): FakeReply {
    for (const record of made) server.effect({ did: 'create', entity, id: String(record.id), record });
    const thin = made.map(({ id, sent_request_id: request_id }) => ({
      id,
      request_id,
      _links: { self: { href: `${server.url}/api/v4/${entity}/${id}` } },
    }));
    return { headers: hal, body: { _links: {}, _embedded: { [entity]: thin } } };
  }
  function loggedCalls(items: unknown): FakeReply {
    const { calls, missing } = records.calls(items);
    for (const record of calls) server.effect({ did: 'create', entity: 'calls', id: String(record.id), record });
    const errors = Array.from({ length: missing }, () => ({ title: 'Entity not found', status: 263 }));
    if (calls.length === 0 && missing > 0) return { status: 400, body: { _total_items: 0, errors } };
    const shown = calls.map(({ id, entity_id, entity_type }) => ({
      id,
      entity_id,
      entity_type: String(entity_type).slice(0, -1),
      request_id: '0',
    }));
    return { headers: hal, body: { _total_items: shown.length, errors, _embedded: { calls: shown } } };
  }

  const server = await fakeServer(options, (request) => {
    const { method, path, query } = request;
    if (method === 'POST' && path === 'revoke') {
      revoke();
      return { body: true };
    }
    if (now() < blockedUntil) return { status: 403, headers: { 'Content-Type': 'text/html' }, body: page };
    if (!inSecond.hit()) {
      if (above.hit())
        return {
          status: 429,
          headers: { 'Content-Type': 'application/problem+json' },
          body: { title: 'Too Many Requests', status: 429, detail: '', retry_after: 1 },
        };
      blockedUntil = now() + blockedMs;
      return { status: 403, headers: { 'Content-Type': 'text/html' }, body: page };
    }
    const search = new URLSearchParams(query);
    if (method === 'GET' && path === 'oauth') return consent(search);
    if (method === 'POST' && path === 'oauth2/access_token') return token(request);
    return path.startsWith('api/v4/') ? api(request, path.slice('api/v4/'.length), search) : { status: 404 };
  });
  function revoke(): void {
    refreshToken = '';
    for (const each of accessTokens.keys()) if (each !== amoIntegration.token) accessTokens.delete(each);
  }
  return { ...server, records, refreshToken: () => refreshToken, revoke };
}
const hal = { 'Content-Type': 'application/hal+json' };
const isAnnotated = (entity: string): entity is 'contacts' | 'leads' => entity === 'contacts' || entity === 'leads';

if (import.meta.main) await runFake(amoFake);

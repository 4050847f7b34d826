/**
 * A strict fake of 1C's OData interface, for tests and demos. As a program: `node adapters/vendors/onec/fake.ts --port 0 --effects FILE`
 * prints its address. The effects file has one JSON line for each record created or changed.
 */
import {
  type FakeReply,
  type FakeRequest,
  type FakeServer,
  type FakeServerOptions,
  fakeServer,
  Refusal,
  runFake,
} from '../../fake-server.ts';
import { odataRefusal } from './fake-filter.ts';
import { type FakeRecords, fakeRecords } from './fake-records.ts';

export interface OnecFake extends FakeServer {
  readonly records: FakeRecords;
}
export interface OnecFakeOptions extends FakeServerOptions {
  /** Default true, as on the probed database. */
  readonly isStaleAccepted?: boolean;
  readonly unpublished?: readonly string[];
  /** A compatibility mode of 8.2: a filter finds nothing. */
  readonly findsNothing?: boolean;
  readonly ignoresFilters?: boolean;
  /** Wrong credentials are answered with a login page and status 200. */
  readonly hasLoginPage?: boolean;
  /** Errors come as XML, whatever format was requested. */
  readonly hasXmlErrors?: boolean;
  /** Some records are hidden from the user: a list without allowedOnly fails. */
  readonly hidesRecords?: boolean;
}
export const onecUser = { user: 'Обмен', password: 'пароль-1' } as const;
const base = 'trade/odata/standard.odata/';

export async function onecFake(options: OnecFakeOptions = {}): Promise<OnecFake> {
  const records = fakeRecords({ isStaleAccepted: options.isStaleAccepted ?? true, unpublished: options.unpublished ?? [] });
  const create = (entity: string, body: Readonly<Record<string, unknown>>) => records.create(entity, body);
  for (const name of ['ТелефонПартнера', 'EmailПартнера']) create('Catalog_ВидыКонтактнойИнформации', { PredefinedDataName: name });
  create('Catalog_Валюты', { Code: '643', Description: 'RUB' });
  for (const Description of ['Анна Мастер', 'Борис Мастер']) create('Catalog_Пользователи', { Description, Должность: 'Мастер' });

  function work({ method, path, query, headers, body }: FakeRequest): FakeReply {
    checkUser(headers.authorization, options.hasLoginPage === true);
    // A plus is a plus here, not a space.
    const given = Object.fromEntries(query.split('&').map((each) => each.split('=', 2).map(decodeURIComponent))) as Record<string, string>;
    const isJson = given.$format === 'json' || headers.accept === 'application/json';
    const reply = (status: number, value: object): FakeReply =>
      isJson
        ? { status, headers: { DataServiceVersion: '3.0', 'Content-Type': 'application/json;charset=utf-8' }, body: value }
        : { status, headers: { 'Content-Type': 'application/atom+xml;charset=utf-8' }, body: '<?xml version="1.0"?><entry/>' };
    const [, entity = '', key] = /^([^()/]+)(?:\(guid'([^']*)'\))?$/.exec(decodeURIComponent(path)) ?? [];
    if (entity === '') throw odataRefusal(400, '6', 'Неверный формат URL');
    const done = (did: string, status: number, record: ReturnType<FakeRecords['create']>) => {
      server.effect({ did, entity, id: record.Ref_Key, record });
      return reply(status, { 'odata.metadata': `${server.url}/${base}$metadata#${entity}/@Element`, ...record });
    };
    if (method === 'GET' && key !== undefined) return reply(200, { ...records.get(entity, key) });
    if (method === 'GET') {
      if (options.hidesRecords === true && given.allowedOnly !== 'true') throw odataRefusal(401, '20', 'Недостаточно прав доступа');
      const { $filter, ...others } = given;
      const value = records.list(entity, options.ignoresFilters === true || $filter === undefined ? others : { ...others, $filter });
      const all = options.findsNothing === true && $filter !== undefined ? [] : value;
      return reply(200, {
        'odata.metadata': `${server.url}/${base}$metadata#${entity}`,
        ...(given.$inlinecount === 'allpages' && { 'odata.count': String(all.length) }),
        value: all,
      });
    }
    if (method === 'POST' && key === undefined) return done('create', 201, records.create(entity, json(body)));
    const version = headers['if-match'];
    if (method === 'PATCH' && key !== undefined) return done('update', 200, records.change(entity, key, json(body), version));
    throw odataRefusal(405, '19', 'Метод не разрешен');
  }

  const server = await fakeServer({ ...options, base }, (request) => {
    try {
      return work(request);
    } catch (thrown) {
      if (options.hasXmlErrors === true && thrown instanceof Refusal) return xmlOf(thrown.reply);
      throw thrown;
    }
  });
  return { ...server, url: `${server.url}/trade`, records };
}

function xmlOf(reply: FakeReply): FakeReply {
  const { 'odata.error': error } = (reply.body ?? {}) as { 'odata.error'?: { code: string; message: { value: string } } };
  if (error === undefined) return reply;
  const { code, message } = error;
  return {
    ...reply,
    headers: { 'Content-Type': 'application/xml;charset=utf-8' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<m:error xmlns:m="http://docs.oasis-open.org/odata/ns/metadata"><m:code>${code}</m:code><m:message xml:lang="ru">${message.value}</m:message></m:error>`,
  };
}
function checkUser(authorization: string | undefined, hasLoginPage: boolean): void {
  const given = Buffer.from((authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8');
  if (given === `${onecUser.user}:${onecUser.password}`) return;
  const headers = { 'Content-Type': 'text/html; charset=utf-8' };
  throw new Refusal({ status: hasLoginPage ? 200 : 401, headers, body: '<!DOCTYPE html><html><body>1С:Предприятие. Вход</body></html>' });
}
function json(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    throw odataRefusal(500, '-1', 'Ошибка разбора JSON');
  }
}

if (import.meta.main) await runFake(onecFake);

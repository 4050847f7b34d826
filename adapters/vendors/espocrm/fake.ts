/**
 * A strict fake of EspoCRM 9.1, for tests and demos: replies as measured, and fails on demand.
 * As a program: `node adapters/vendors/espocrm/fake.ts --port 0 --effects FILE` prints its address. The effects file has one JSON
 * line for each record created or changed. `POST /api/v1/Webhook/deliver` runs the job that delivers to webhooks.
 */
import { createHmac } from 'node:crypto';
import { parsePhpQuery } from '../../fake-php.ts';
import { type FakeRequest, type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';
import { type EspoRecord, type EspoRecords, espoRecords, type Refusal as RecordRefusal, refused } from './fake-records.ts';
import { type EspoWebhooks, espoWebhooks } from './fake-webhooks.ts';

export interface EspoFake extends FakeServer {
  readonly records: EspoRecords;
  readonly webhooks: EspoWebhooks;
}
export interface EspoFakeOptions extends FakeServerOptions {
  readonly customFields?: readonly string[];
  /** Maximum page size of a list; default 200. */
  readonly maxPage?: number;
}
/** Credentials: one API user with a key, and one that signs. */
export const espoUsers = { apiKey: 'fake-api-key', hmacKey: 'fake-hmac-key', secretKey: 'fake-secret-key', userId: '1' } as const;

export async function espoFake(options: EspoFakeOptions = {}): Promise<EspoFake> {
  const { now = Date.now, customFields = ['cPolybRef'] } = options;
  const webhooks = espoWebhooks();
  const records = espoRecords({
    now,
    custom: customFields,
    userId: espoUsers.userId,
    maxPage: options.maxPage,
    changed: webhooks.changed,
  });
  const done = (did: string, entity: string, record: EspoRecord) => {
    server.effect({ did, entity, id: record.id, record });
    return record;
  };

  async function work({ method, path, query, headers, body }: FakeRequest): Promise<unknown> {
    if (method === 'POST' && path === 'Webhook/deliver') return webhooks.deliver();
    checkUser(method, path, headers);
    const [entity = '', id, link] = path.split('/');
    const parsed = parsePhpQuery(query);
    if (method === 'POST' && path === 'Webhook') return webhooks.create(json(body));
    if (method === 'GET' && path === 'Timeline/busyRanges') return busyRanges(records, parsed);
    const linked = entity === 'Contact' && link !== undefined ? links[link] : undefined;
    if (method === 'GET' && id && linked !== undefined) {
      records.read('Contact', id);
      const { list } = records.list(linked, parsed);
      return { total: -1, list: list.filter(({ contactsIds }) => ((contactsIds ?? []) as readonly string[]).includes(id)) };
    }
    if (method === 'GET' && id === undefined) {
      const { list, total } = records.list(entity, parsed);
      return { total: headers['x-no-total'] === 'true' ? -1 : total, list };
    }
    if (method === 'GET' && id) return records.read(entity, id);
    if (method === 'POST' && id === undefined)
      return done('create', entity, await records.create(entity, json(body), headers['x-skip-duplicate-check'] === 'true'));
    if ((method === 'PUT' || method === 'PATCH') && id) {
      const version = headers['x-version-number'];
      return done('update', entity, records.update(entity, id, json(body), typeof version === 'string' ? version : undefined));
    }
    if (method === 'DELETE' && id) {
      records.remove(entity, id);
      return true;
    }
    throw refused(404, 'Not found.');
  }

  const server = await fakeServer({ ...options, base: 'api/v1/' }, async (request) => {
    try {
      const body = await work(request);
      // Every other create is 200.
      return { body, status: `${request.method} ${request.path}` === 'POST Webhook' ? 201 : 200 };
    } catch (thrown) {
      const { status, message, body } = thrown as Partial<RecordRefusal> & Error;
      if (status === undefined) throw new Refusal({ status: 500 });
      return {
        status,
        body,
        headers: {
          'X-Status-Reason': message,
          ...(status === 401 && { 'Content-Type': 'text/html; charset=UTF-8' }),
          ...(message === 'no credentials' && { 'WWW-Authenticate': 'Basic realm=""' }),
        },
      };
    }
  });
  return { ...server, records, webhooks };
}

/** Entities that a contact is linked with, by the name of the link. */
const links: Readonly<Record<string, string>> = { meetings: 'Meeting', opportunities: 'Opportunity' };
/** Times of every user at meetings and calls that are not cancelled. */
function busyRanges(records: EspoRecords, { userIdList, from, to }: Readonly<Record<string, unknown>>): object {
  const isTime = (text: unknown) => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(String(text));
  if (typeof userIdList !== 'string' || !isTime(from) || !isTime(to)) throw refused(400, 'Bad request.');
  const events = [...records.all('Meeting'), ...records.all('Call')];
  return Object.fromEntries(
    userIdList.split(',').map((userId) => [
      userId,
      events
        .filter((event) => event.assignedUserId === userId && event.status !== 'Not Held')
        .filter(({ dateStart, dateEnd }) => String(dateStart) < String(to) && String(dateEnd) > String(from))
        .map(({ dateStart, dateEnd }) => ({ dateStart, dateEnd, isBusyRange: true })),
    ]),
  );
}

/** @throws Refusal 401, never 403: every user of the fake may do everything. */
function checkUser(method: string, path: string, headers: FakeRequest['headers']): void {
  const { 'x-api-key': key, 'x-hmac-authorization': signed } = headers;
  if (key === undefined && signed === undefined) throw refused(401, 'no credentials');
  if (key === espoUsers.apiKey) return;
  const digest = createHmac('sha256', espoUsers.secretKey).update(`${method} /${path}`).digest('hex');
  const expected = Buffer.from(`${espoUsers.hmacKey}:${digest}`).toString('base64');
  if (signed !== expected) throw refused(401, '');
}

function json(body: string): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>; // Broken JSON is a 500 in EspoCRM too.
}
if (import.meta.main) await runFake(espoFake);

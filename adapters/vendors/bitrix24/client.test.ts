import { afterEach, expect, test } from '@jest/globals';
import type { PolybError } from '../../../contracts/kit/errors.ts';
import { type Portal, type PortalOptions, portal } from '../../../test/kit/bitrix24.ts';
import { until } from '../../../test/kit/until.ts';
import { memoryCache } from '../../cache/memory.ts';
import type { Fault } from '../../fake-server.ts';
import { resultOf } from './client.ts';
import { bitrixAccess } from './fake.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
async function started(options?: PortalOptions): Promise<Portal> {
  const it = await portal(options);
  closing.push(it.stop);
  return it;
}
const signal = AbortSignal.timeout(60_000);
const at = { signal };
const addLead = { entityTypeId: 1, fields: { title: 'Lead' } };
const leads = { entityTypeId: 1, select: ['id'] };

test('the code of the webhook is in no error and in no request record', async () => {
  const { client, fake, observed } = await started();
  const errors: unknown[] = [];
  const faults: readonly Fault[] = [
    { do: 'cut' },
    { do: 'garbage' },
    { do: 'refuse', status: 302, headers: { Location: `${fake.webhookUrl}user.get` } },
    { do: 'refuse', status: 400, body: { error: 'X', error_description: 'no' } },
  ];
  for (const fault of faults) {
    fake.order(fault);
    errors.push(
      await client()
        .call('user.get', {}, at)
        .catch((error: unknown) => error),
    );
  }
  expect(errors).toHaveLength(4);
  const said = JSON.stringify([observed, errors.map((error) => [String(error), error])]);
  expect(said).toContain('/rest/1/***');
  expect(said).not.toContain(bitrixAccess.code);
});

test.each([
  ['a string', 'CRM_FIELD_ERROR_VALUE_NOT_VALID', 'Invalid value for field "stageId"', { field: 'stageId' }],
  ['an empty string', '', 'Wrong order.', undefined],
  ['a number', 422, 'Invalid date period', undefined],
  ['a number with a parameter', 100, 'Could not find value for parameter {fields}', { field: 'fields' }],
  ['a list', ['ERROR_CORE'], 'Task title is not specified<br>', undefined],
  ['an object', { code: 'ERROR_CORE', message: 'Wrong' }, undefined, undefined],
])('an error that is %s is a refusal, with any status below 500', async (_, error, description, data) => {
  const { client, fake } = await started();
  for (const status of [200, 400]) {
    fake.order({ do: 'refuse', status, body: { error, error_description: description } });
    const refusal = client().call('crm.item.add', addLead, at);
    await expect(refusal).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed', data });
  }
});

test('a description shows neither its HTML nor a phone', async () => {
  const { client, fake } = await started();
  fake.order({ do: 'refuse', status: 400, body: { error: 'ERROR_CORE', error_description: 'Bad phone <b>+79991234567</b>.<br>' } });
  const refusal = await client()
    .call('tasks.task.add', {}, at)
    .catch((error: Error) => error.message);
  expect(refusal).toBe('tasks.task.add of Bitrix24: Bitrix24 refuses it (ERROR_CORE: Bad phone ***4567).');
});

test.each([
  [401, 'NO_AUTH_FOUND'],
  [403, 'insufficient_scope'],
  [403, 'ACCESS_DENIED'],
  [403, 'INVALID_CREDENTIALS'],
  [403, 'user_access_error'],
  [500, 'PORTAL_DELETED'],
])('%d %s needs another setting, not another attempt', async (status, error) => {
  const { client, fake } = await started();
  fake.order({ do: 'refuse', status, body: { error, error_description: 'No.' } });
  const refusal = client().call('crm.item.add', addLead, at);
  await expect(refusal).rejects.toMatchObject({ code: 'failed_precondition', reason: 'upstream_credentials', outcome: 'not_executed' });
});

test('an address without a portal is no missing record', async () => {
  const { client, fake } = await started();
  fake.order({ do: 'refuse', status: 404, body: '<html>Not found</html>' });
  const refused = { code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' };
  await expect(client().call('crm.item.get', { entityTypeId: 3, id: 9 }, at)).rejects.toMatchObject(refused);
});

test('a record that is not there is not_found, though its status is 400', async () => {
  const { client } = await started();
  await expect(client().call('crm.item.get', { entityTypeId: 3, id: 9 }, at)).rejects.toMatchObject({ code: 'not_found' });
});

test('a method of telephony is refused to a webhook, and open to an application', async () => {
  const { client } = await started();
  const params = { USER_ID: 1, PHONE_NUMBER: '+79990001122', TYPE: 1 };
  const method = 'telephony.externalCall.register';
  await expect(client().call(method, params, at)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  expect(await client({ isApplication: true }).call(method, params, at)).toMatchObject({ CALL_ID: expect.any(String) });
});

test('a token goes in the body, and is renewed once, only when it expired', async () => {
  const { client, fake } = await started();
  const application = client({ isApplication: true });
  await application.call('user.get', {}, at);
  fake.tokens.expire();
  expect(await application.call('user.get', {}, at)).toHaveLength(1);
  expect(fake.seen).toHaveLength(3);
  expect(fake.seen.every(({ query }) => query === '')).toBe(true);
  for (const [error, requests] of [
    ['NO_AUTH_FOUND', 1],
    ['expired_token', 2],
  ] as const) {
    const before = fake.seen.length;
    fake.order({ do: 'refuse', status: 401, times: 2, body: { error, error_description: '' } });
    await expect(application.call('user.get', {}, at)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'reauthorise' });
    expect(fake.seen.length - before).toBe(requests);
    if (requests === 1) await expect(application.call('user.get', {}, at)).rejects.toMatchObject({ reason: 'reauthorise' });
  }
});

test('503 QUERY_LIMIT_EXCEEDED proves that nothing was done, and holds the portal back for two seconds', async () => {
  const { client, fake, later } = await started({ tickMs: 0 });
  fake.order({ do: 'refuse', status: 503, body: { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' } });
  const limited = { code: 'resource_exhausted', reason: 'rate_limited', outcome: 'not_executed', retryAfterMs: 2000 };
  await expect(client().call('crm.item.add', addLead, at)).rejects.toMatchObject(limited);
  await expect(client().call('user.get', {}, at)).rejects.toMatchObject(limited);
  expect(fake.seen).toHaveLength(1);
  later(2000);
  expect(await client().call('crm.item.add', addLead, at)).toMatchObject({ item: { title: 'Lead' } });
});

test.each(['INTERNAL_SERVER_ERROR', 'ERROR_UNEXPECTED_ANSWER', undefined])(
  'another failure of the server (%s) may have happened',
  async (error) => {
    const { client, fake } = await started();
    fake.order({ do: 'refuse', status: error === undefined ? 503 : 500, body: error === undefined ? '' : { error } });
    await expect(client().call('crm.item.add', addLead, at)).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
  },
);

test('a portal that blocks this system is left alone for an hour', async () => {
  const { client, fake, later } = await started();
  for (const fault of [
    { do: 'refuse', status: 503, body: { error: 'OVERLOAD_LIMIT', error_description: 'REST API is blocked due to overload' } },
    { do: 'refuse', status: 403, headers: { 'Content-Type': 'text/html' }, body: '<html>Forbidden</html>' },
  ] as const) {
    const before = fake.seen.length;
    fake.order(fault);
    await expect(client().call('user.get', {}, at)).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'blocked',
      retryAfterMs: 3_600_000,
    });
    await expect(client().call('user.get', {}, at)).rejects.toMatchObject({ reason: 'rate_limited', outcome: 'not_executed' });
    expect(fake.seen.length - before).toBe(1);
    later(3_600_000);
  }
});

test('a method over its limit of work waits until its oldest work no longer counts, and the other methods go on', async () => {
  const { client, fake, later, now } = await started({ tickMs: 0 });
  const one = client();
  await one.call('crm.item.list', leads, at);
  const resetAt = now() + 600_000;
  later(60_000);
  fake.spend('crm.item.list', 481);
  const limited = { code: 'resource_exhausted', reason: 'rate_limited', outcome: 'not_executed', retryAfterMs: resetAt - now() };
  await expect(one.call('crm.item.list', leads, at)).rejects.toMatchObject(limited);
  const before = fake.seen.length;
  await expect(client().call('crm.item.list', leads, at)).rejects.toMatchObject(limited);
  expect(fake.seen).toHaveLength(before);
  await one.call('user.get', {}, at);
  later(resetAt - now());
  expect(await one.call('crm.item.list', leads, at)).toEqual({ items: [] });
});

test('without a known end, a method over its limit waits ten minutes; when its end has passed, another one', async () => {
  const { client, fake, later } = await started();
  const over = { do: 'refuse', status: 429, body: { error: 'OPERATION_TIME_LIMIT', error_description: 'Method is blocked' } } as const;
  fake.order(over);
  await expect(client().call('user.get', {}, at)).rejects.toMatchObject({ retryAfterMs: 600_000 });
  later(600_000);
  const one = client();
  await one.call('user.get', {}, at);
  later(600_000);
  fake.order(over);
  await expect(one.call('user.get', {}, at)).rejects.toMatchObject({ retryAfterMs: 60_000 });
});

test('a clock that is an hour off holds a method back for no more than ten minutes', async () => {
  const { client, fake, now } = await started();
  const one = client();
  const time = { operating: 1, operating_reset_at: Math.floor(now() / 1000) + 4200 };
  fake.order({ do: 'refuse', status: 200, body: { result: [], time } });
  await one.call('user.get', {}, at);
  fake.order({ do: 'refuse', status: 429, body: { error: 'OPERATION_TIME_LIMIT', error_description: 'Method is blocked' } });
  await expect(one.call('user.get', {}, at)).rejects.toMatchObject({ retryAfterMs: 600_000 });
});

const page = { headers: { 'Content-Type': 'text/html' }, body: '<html>429</html>' } as const;
test.each([
  ['a page with 429', { do: 'refuse', status: 429, ...page }, { code: 'resource_exhausted', outcome: 'not_executed' }],
  ['a page with 200', { do: 'refuse', status: 200, ...page }, { code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' }],
] as const)('%s in answer to a batch holds back the methods of its commands, not the batch', async (_, fault, refusal) => {
  const { client, fake } = await started();
  fake.order(fault);
  const commands = { list: { method: 'crm.item.list', params: leads } };
  await expect(client().batch(commands, at)).rejects.toMatchObject(refusal);
  await expect(client().call('crm.item.list', leads, at)).rejects.toMatchObject({ reason: 'rate_limited' });
  await expect(client().batch(commands, at)).rejects.toMatchObject({ reason: 'rate_limited' });
  expect(fake.seen).toHaveLength(1);
  expect((await client().batch({ user: { method: 'user.get', params: {} } }, at))('user')).toHaveLength(1);
});

test('a command of a batch over the limit of its method holds back that method', async () => {
  const { client, fake } = await started();
  fake.spend('crm.item.list', 481);
  const result = await client().batch({ list: { method: 'crm.item.list', params: leads }, user: { method: 'user.get', params: {} } }, at);
  expect(result('user')).toHaveLength(1);
  expect(() => result('list')).toThrow(expect.objectContaining({ reason: 'rate_limited', outcome: 'not_executed' }));
  await expect(client().call('crm.item.list', leads, at)).rejects.toMatchObject({ reason: 'rate_limited' });
  expect(fake.seen).toHaveLength(1);
  await client().call('user.get', {}, at);
});

test('a batch whose commands all fail has status 200 and empty lists; each failure is its command’s', async () => {
  const { client } = await started();
  const result = await client().batch(
    { a: { method: 'crm.item.get', params: { entityTypeId: 3, id: 1 } }, b: { method: 'no.such', params: {} } },
    at,
  );
  expect(() => result('a')).toThrow(expect.objectContaining({ code: 'not_found' }));
  expect(() => result('b')).toThrow(expect.objectContaining({ reason: 'crm_rejected' }));
});

test('a command may use the result of another; after a failure the rest is not executed', async () => {
  const { client, fake } = await started();
  const add = {
    method: 'crm.item.add',
    params: { entityTypeId: 3, fields: { name: 'Анна & Co?=#', fm: [{ typeId: 'PHONE', value: '+7' }] } },
  };
  const get = { method: 'crm.item.get', params: { entityTypeId: 3, id: resultOf('add', 'item', 'id') } };
  const result = await client().batch({ add, get }, at);
  expect(result('get')).toMatchObject({ item: { name: 'Анна & Co?=#', fm: [{ value: '+7' }] } });
  const halted = await client().batch({ get: { ...get, params: { entityTypeId: 3, id: 1 } }, add }, { ...at, halt: true });
  expect(() => halted('add')).toThrow(expect.objectContaining({ reason: 'bad_reply' }));
  expect(fake.items.all(3)).toHaveLength(1);
});

test('text that looks like a reference stays text', async () => {
  const { client, fake } = await started();
  const name = '$result[user][0][ID]';
  await client().batch(
    { user: { method: 'user.get', params: {} }, add: { method: 'crm.item.add', params: { entityTypeId: 3, fields: { name } } } },
    at,
  );
  expect(fake.items.all(3)[0]?.name).toBe(` ${name}`);
});

test('a list of 120 is read in three pages', async () => {
  const { client, fake } = await started();
  for (let nth = 0; nth < 120; nth += 1) fake.items.add(1, { title: 'Lead' });
  expect(await client().list('crm.item.list', leads, { ...at, key: 'items' })).toHaveLength(120);
  expect(fake.seen).toHaveLength(3);
});

test('a method that returns its first page for every page is asked twice, and one of strangers five times', async () => {
  const repeating = await started({ repeatsPages: ['crm.item.list'] });
  for (let nth = 0; nth < 120; nth += 1) repeating.fake.items.add(1, { title: 'Lead' });
  expect(await repeating.client().list('crm.item.list', leads, { ...at, key: 'items' })).toHaveLength(50);
  expect(repeating.fake.seen).toHaveLength(2);
  const long = await started();
  for (let nth = 0; nth < 400; nth += 1) long.fake.items.add(1, { title: 'Lead' });
  expect(await long.client().list('crm.item.list', leads, { ...at, key: 'items' })).toHaveLength(250);
  expect(long.fake.seen).toHaveLength(5);
});

test.each<[string, Fault, object]>([
  ['a page with 200', { do: 'garbage' }, { reason: 'bad_reply' }],
  ['an empty 200', { do: 'refuse', status: 200 }, { reason: 'bad_reply' }],
  ['an empty 204', { do: 'refuse', status: 204 }, { reason: 'bad_reply' }],
  ['XML', { do: 'refuse', status: 200, body: '<?xml version="1.0"?><result>1</result>' }, { reason: 'bad_reply' }],
  ['a truncated body', { do: 'refuse', status: 200, body: '{"result":{"item":{"id":1' }, { reason: 'bad_reply' }],
  ['JSON without a result', { do: 'refuse', status: 200, body: { time: {} } }, { reason: 'bad_reply' }],
  ['a list', { do: 'refuse', status: 200, body: [] }, { reason: 'bad_reply' }],
  ['a redirect inward', { do: 'refuse', status: 302, headers: { Location: 'http://169.254.169.254/' } }, { reason: 'bad_reply' }],
  ['50 MB', { do: 'refuse', status: 200, body: `{"result":"${'x'.repeat(3_000_000)}"}` }, { reason: 'reply_too_large' }],
  ['a cut', { do: 'cut' }, { reason: 'cut_off' }],
])('%s leaves the outcome unknown, in one typed error', async (_, fault, expected) => {
  const { client, fake } = await started();
  fake.order(fault);
  await expect(client().call('crm.item.add', addLead, at)).rejects.toMatchObject({
    code: 'upstream_failed',
    outcome: 'unknown',
    ...expected,
  });
  expect(fake.seen).toHaveLength(1);
});

test('two processes with one address send no more together than the portal takes; each with a bucket of its own is refused', async () => {
  const burst = async (it: Portal, caches: readonly ReturnType<typeof memoryCache>[], leaveAfter?: number) => {
    const leaving = new AbortController();
    const clients = caches.map((cache) => it.client({ cache }));
    const calls = clients.flatMap((client) => Array.from({ length: 28 }, () => client.call('user.get', {}, { signal: leaving.signal })));
    const ends = Promise.allSettled(calls);
    if (leaveAfter !== undefined) {
      await until(() => it.observed.length >= leaveAfter);
      // The clock stands still, so the rest would wait for ever.
      leaving.abort();
    }
    return (await ends).flatMap((end) => (end.status === 'rejected' ? [end.reason as PolybError] : []));
  };
  const shared = await started({ tickMs: 0 });
  const cache = memoryCache({ now: shared.now });
  const left = await burst(shared, [cache, cache], 48);
  // One turn is taken ahead and waited for; on a busy machine it comes before the callers leave.
  expect([48, 49]).toContain(shared.fake.seen.length);
  expect(new Set(left.map(({ code }) => code))).toEqual(new Set(['cancelled']));
  const apart = await started({ tickMs: 0 });
  const refused = await burst(apart, [memoryCache({ now: apart.now }), memoryCache({ now: apart.now })]);
  expect(refused.map(({ message }) => message)).toContain('user.get of Bitrix24: Bitrix24 limits requests; try later.');
});

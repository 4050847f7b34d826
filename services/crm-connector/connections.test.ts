import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { espoFake, espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let it: World;
let fake: Awaited<ReturnType<typeof espoFake>>;
beforeAll(async () => {
  it = await world();
  fake = await espoFake();
  await it.start('crm-connector', service, {
    CRM_CONNECTIONS: 'main,espo',
    ESPO_CRM_KIND: 'espocrm',
    ESPO_ESPOCRM_URL: fake.url,
    ESPO_ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPO_ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    ESPO_ESPOCRM_SETTLE_MS: '0',
    HTTP_ALLOW_PRIVATE: fake.url,
  });
});
afterAll(async () => {
  await it.stop();
  await fake.close();
});

const espo = { kind: 'crm', connection: 'espo' } as const;
const stateOf = async () => {
  const { items } = await it.bus.call(connections.list, {});
  return items.find(({ kind, connection }) => kind === espo.kind && connection === espo.connection);
};
const find = () => it.bus.call(crm.find_contact, { connection: 'espo', phoneNumber: '+79995553322' }, { retry: false });

test('every connection is listed with its system, its methods and its state', async () => {
  const { items } = await it.bus.call(connections.list, {});
  expect(items.map(({ kind, connection, system, state }) => [kind, connection, system, state])).toEqual([
    ['crm', 'main', 'postgres', 'ok'],
    ['crm', 'espo', 'espocrm', 'ok'],
    ['booking', 'main', 'postgres', 'ok'],
  ]);
  expect(items[1]?.methods.find_open_lead).toBe('emulated');
});

test.each([
  ['refused credentials', 401, 'broken', 'failed_precondition/upstream_credentials'],
  ['a limit', 429, 'paused', 'resource_exhausted'],
  ['a failing server', 502, 'broken', 'upstream_failed/upstream_status'],
])('%s (%i) make the connection %s until a request is answered', async (_, status, state, detail) => {
  fake.order({ do: 'refuse', status });
  await expect(find()).rejects.toMatchObject({ code: expect.any(String) });
  await until(async () => (await stateOf())?.state !== 'ok');
  expect(await stateOf()).toMatchObject({ state, detail: expect.stringContaining(detail) });
  await find();
  await until(async () => (await stateOf())?.state === 'ok');
});

test('a paused connection sends nothing, its keyed work waits, and goes on when it is resumed', async () => {
  const reason = 'the provider moves to another host';
  expect(await it.bus.call(connections.pause, { ...espo, reason })).toEqual({ changed: true });
  expect(await it.bus.call(connections.pause, espo)).toEqual({ changed: false });
  expect(await stateOf()).toMatchObject({ state: 'paused', detail: `operator paused it: ${reason}` });
  const before = fake.seen.length;
  await expect(find()).rejects.toMatchObject({ code: 'unavailable', reason: 'paused', outcome: 'not_executed' });
  const person = { connection: 'espo', firstName: 'Анна', phoneNumber: '+79995553377' };
  const create = (timeoutMs: number) => it.bus.call(crm.create_contact, person, { key: 'paused', timeoutMs });
  await expect(create(500)).rejects.toMatchObject({ name: 'PolybError' });
  expect(fake.seen.length).toBe(before);
  expect((await it.bus.call(crm.find_contact, { phoneNumber: person.phoneNumber })).contacts).toEqual([]);
  expect(await it.bus.call(connections.resume, espo)).toEqual({ changed: true });
  await until(() => find().catch(() => null));
  expect(await until(() => create(5_000).catch(() => null))).toMatchObject({ created: true });
  expect(fake.records.all('Contact')).toHaveLength(1);
});

test('a test search says how many it found, and an unknown connection is refused', async () => {
  expect(await it.bus.call(connections.test, { ...espo, phoneNumber: '+79995553377' })).toMatchObject({ found: 1, system: 'espocrm' });
  expect(await it.bus.call(connections.test, { ...espo, phoneNumber: '+79995553300' })).toMatchObject({ found: 0 });
  const lost = { kind: 'booking', connection: 'espo' } as const;
  await expect(it.bus.call(connections.pause, lost)).rejects.toMatchObject({ reason: 'no_connection' });
});

/** The system as it is seen over HTTP: services, settings, methods, and what waits for whom. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { secret, text } from '../../config/settings.ts';
import { crm } from '../../contracts/crm.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import type { system } from '../../contracts/system.ts';
import { loadServices } from '../../runtime/services.ts';
import { type Client, type GatewayWorld, gatewayWorld, type LoggedIn } from '../../test/kit/gateway.ts';
import { type Following, follow } from '../../test/kit/stream.ts';
import { until } from '../../test/kit/world.ts';
import { countWaiting } from './counters.ts';

const canary = 'канарейка-секрета';
const post = contract('post', '1.0.0', {
  ping: method({ summary: 'x', input: z.strictObject({}), output: z.object({}), idempotency: 'read' }),
});
const postOffice = service({
  serves: { post },
  settings: z.object({
    POST_TOKEN: secret(),
    POST_SPARE_TOKEN: secret().optional(),
    POST_CITY: text().describe('Where it is.'),
    POST_ROOM: text().default('7'),
  }),
}).start(async () => ({ post: { ping: async () => ({}) } }));
type Service = OutputOf<typeof system.survey_services>['items'][number];
type Setting = OutputOf<typeof system.list_settings>['settings'][number];

let it: GatewayWorld;
let admin: Client;
let vera: LoggedIn;
let oleg: LoggedIn;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'collector', 'journal', 'sender'], { GATEWAY_EXPECTED_SERVICES: 'crm-connector,not-there' });
  await it.world.start('post-office', postOffice, { POST_TOKEN: canary, POST_CITY: 'Пермь' });
  admin = await it.client('admin');
  [vera, oleg] = [await it.person('manager'), await it.person('manager')];
});
afterAll(() => it?.stop());

const surveyed = async (): Promise<readonly Service[]> =>
  ((await admin('GET', '/api/v1/services')).body as { items: readonly Service[] }).items;

test('services that respond and those that should are listed with instances, methods, and who calls whom how often', async () => {
  const find = () => admin('POST', '/api/v1/crm/find_contact', { phoneNumber: '+79990000001' });
  await find();
  const found = await until(async () => {
    await find();
    const services = await surveyed();
    const edge = services.find(({ service }) => service === 'gateway')?.calls.find(({ method }) => method === 'crm.find_contact');
    // On a busy machine a service may reply after the survey has ended.
    return (edge?.perSecond ?? 0) > 0 && services.length >= 7 ? services : null;
  });
  const of = (name: string) => found.find(({ service }) => service === name);
  expect(found.map(({ service }) => service)).toEqual([
    'collector',
    'crm-connector',
    'gateway',
    'journal',
    'not-there',
    'post-office',
    'sender',
  ]);
  expect(of('not-there')).toMatchObject({ isExpected: true, isReady: false, instances: [] });
  expect(of('post-office')).toMatchObject({ isExpected: false, isReady: true });
  expect(of('crm-connector')).toMatchObject({
    isReady: true,
    instances: [
      {
        contracts: [{ name: 'booking' }, { name: 'company' }, { name: 'connections' }, { name: 'crm', version: crm.find_contact.version }],
      },
    ],
  });
  const [instance] = of('crm-connector')?.instances ?? [];
  expect(Date.parse(instance?.startedAt ?? '')).toBeLessThanOrEqual(Date.now());
  expect(instance?.memoryBytes).toBeGreaterThan(1_000_000);
  const served = of('crm-connector')?.methods.find(({ method }) => method === 'crm.find_contact');
  const called = of('gateway')?.calls.find(({ method }) => method === 'crm.find_contact');
  expect(called).toMatchObject({ callee: 'crm-connector', errorsPerSecond: expect.any(Number) });
  expect(called?.requests).toBe(served?.requests);
  expect(called?.p95Ms).toBeGreaterThan(0);
  // Page by page it is the same list.
  const first = (await admin('GET', '/api/v1/services?limit=4')).body as { items: readonly Service[]; nextCursor: string };
  const rest = (await admin('GET', `/api/v1/services?cursor=${first.nextCursor}`)).body as { items: readonly Service[]; nextCursor: null };
  expect([...first.items, ...rest.items].map(({ service }) => service)).toEqual(found.map(({ service }) => service));
  expect(rest.nextCursor).toBeNull();
});

test('settings are those with which the instances run, with their sources; a secret is only said to be set', async () => {
  const { body } = await admin('GET', '/api/v1/settings');
  const { settings } = body as { settings: readonly Setting[] };
  const of = (name: string) => settings.find((each) => each.name === name);
  expect(of('POST_TOKEN')).toMatchObject({ service: 'post-office', value: null, isSecret: true, isSet: true, origin: 'the test' });
  expect(of('POST_SPARE_TOKEN')).toMatchObject({ value: null, isSecret: true, isSet: false, origin: 'not set' });
  expect(of('POST_CITY')).toMatchObject({ value: 'Пермь', isSet: true, what: 'Where it is.', instances: 1, isShared: true });
  expect(of('POST_ROOM')).toMatchObject({ value: '7', isSet: false, origin: 'default' });
  expect(of('CRM_KIND')).toMatchObject({ service: 'crm-connector', value: 'memory', origin: 'the test' });
  expect(JSON.stringify(body)).not.toContain(canary);
  // A second instance that runs with another value is not hidden.
  const second = await it.world.start('post-office', postOffice, { POST_TOKEN: canary, POST_CITY: 'Уфа' });
  const differing = ((await admin('GET', '/api/v1/settings?service=post-office')).body as { settings: readonly Setting[] }).settings;
  expect(
    differing
      .filter(({ name }) => ['POST_CITY', 'POST_ROOM'].includes(name))
      .map(({ value, instances, isShared }) => [value, instances, isShared]),
  ).toEqual([
    ['Пермь', 1, false],
    ['7', 2, true],
    ['Уфа', 1, false],
  ]);
  await second.stop(0);
  expect((await admin('GET', '/api/v1/settings?service=nobody')).status).toBe(404);
});

test('a method is described with its route, rights, errors and schemas, without the fields that the gateway fills', async () => {
  const approve = (await admin('GET', '/api/v1/methods/journal.approve')).body;
  expect(approve).toMatchObject({
    ...{ route: 'POST /api/v1/journal/{id}/approve', scope: 'send', idempotency: 'idempotent', takesJson: true },
    input: { type: 'object', required: expect.arrayContaining(['id']) },
  });
  const fields = Object.keys((approve as { input: { properties: object } }).input.properties);
  expect(['id', 'viewer', 'onBehalfOf'].filter((name) => fields.includes(name))).toEqual(['id']);
  expect((approve as { errors: object[] }).errors).toContainEqual({ reason: 'held', code: 'conflict' });
  expect((await admin('GET', '/api/v1/methods/messages.deliver')).body).toMatchObject({ reachesCustomer: true, approval: 'staff' });
  expect((await admin('GET', '/api/v1/methods/nobody.knows')).status).toBe(404);
});

const numbers = async (ask: Client) =>
  new Map(((await ask('GET', '/api/v1/counters')).body as OutputOf<typeof system.count_waiting>).items.map(({ id, count }) => [id, count]));
const told = (one: Following, id: string) =>
  (
    one.heard.findLast(({ event, data }) => event === 'counters' && (data as { id: string }).id === id)?.data as
      | { count: number }
      | undefined
  )?.count;

test('counters are those of the role, narrowed to the manager, and each follower is told their own when they change', async () => {
  const operator = await it.person('operator');
  const ofWhom = { vera: vera.personId, oleg: oleg.personId } as const;
  const [ofVera, ofOleg, ofOperator] = await Promise.all(
    [vera, oleg, operator].map(({ cookie }) => follow(it.origin, 'counters', { cookie })),
  );
  if (ofVera === undefined || ofOleg === undefined || ofOperator === undefined) throw new Error('three follow');
  await until(() => (told(ofVera, 'approvals') === 0 && told(ofOleg, 'approvals') === 0) || null);
  for (const [who, personId] of Object.entries(ofWhom)) {
    const { chatId } = await it.world.bus.call(inbox.put_message, { from: who, text: 'Где мой заказ?' }, { key: who });
    await it.world.bus.call(inbox.assign_chat, { chatId, personId });
    for (const n of who === 'vera' ? [1] : [1, 2])
      await it.world.bus.call(messages.send_message, { chatId, text: `ответ ${n}` }, { key: `${who} ${n}` });
  }
  await until(() => (told(ofVera, 'approvals') === 1 && told(ofOleg, 'approvals') === 2) || null);
  await until(() => (told(ofVera, 'chats_mine') === 1 && told(ofOleg, 'chats_mine') === 1) || null);
  expect((await numbers(vera.ask)).get('approvals')).toBe(1);
  expect((await numbers(admin)).get('approvals')).toBe(3);
  expect([...(await numbers(vera.ask)).keys()].sort()).toEqual([
    'approvals',
    'calls_attention',
    'calls_now',
    'chats_for_person',
    'chats_mine',
    'chats_unassigned',
    'chats_urgent',
    'chats_waiting',
  ]);
  const seen = new Set(ofOperator.heard.filter(({ event }) => event === 'counters').map(({ data }) => (data as { id: string }).id));
  expect([...seen].sort()).toEqual(['dead_letters', 'providers_unwell', 'reviews', 'services_unwell', 'stuck']);
  expect(told(ofOperator, 'services_unwell')).toBe(1);
  for (const one of [ofVera, ofOleg, ofOperator]) one.leave();
});

test('who follows services is told of a new instance, and nothing while nothing changes', async () => {
  const { cookie } = await it.person('operator');
  const one = await follow(it.origin, 'services', { cookie });
  const items = () => one.heard.filter(({ event }) => event === 'services').map(({ data }) => data as Service);
  const of = (name: string) => items().findLast(({ service }) => service === name);
  await until(() => of('not-there') ?? null);
  expect(of('not-there')?.isReady).toBe(false);
  const before = items().length;
  const [loaded] = await loadServices(['crm-connector']);
  if (loaded === undefined) throw new Error('services/crm-connector is missing');
  const second = await it.world.start('crm-connector', loaded.service, { CRM_KIND: 'memory' });
  await until(() => of('crm-connector')?.instances.length === 2 || null);
  expect(
    new Set(
      items()
        .slice(before)
        .map(({ service }) => service),
    ),
  ).toEqual(new Set(['crm-connector']));
  await second.stop(0);
  await until(() => of('crm-connector')?.instances.length === 1 || null);
  one.leave();
});

test('whatever a manager’s counters count is narrowed to them', async () => {
  const viewer = { personId: 'anna', role: 'manager' } as const;
  const asked: (readonly [string, unknown])[] = [];
  const call = async ({ address }: { readonly address: string }, input: { readonly viewer?: unknown }) => {
    asked.push([address, input.viewer]);
    throw new PolybError('unavailable', 'away');
  };
  await countWaiting({ call: call as never, survey: { services: async () => [] } }, viewer);
  expect(asked).toEqual(['journal.summary', 'inbox.chat_totals', 'calls.call_totals'].map((address) => [address, viewer]));
});

test('counters of a service that does not respond have no number, and the others have theirs', async () => {
  const call = async (asked: { readonly address: string }) => {
    if (asked.address !== 'journal.summary') throw new PolybError('unavailable', 'away');
    return { views: [{ view: 'approvals', count: 3, isMore: false, oldestAt: null }], groups: [] };
  };
  const counted = await countWaiting({ call: call as never, survey: { services: async () => [] } }, undefined);
  const count = (id: string) => counted.find((each) => each.id === id)?.count;
  expect([count('approvals'), count('chats_waiting'), count('chats_mine'), count('services_unwell')]).toEqual([3, null, null, 0]);
});

test.each([
  ['manager', '/api/v1/services', 403],
  ['director', '/api/v1/services', 403],
  ['operator', '/api/v1/services', 200],
  ['manager', '/api/v1/settings', 403],
  ['director', '/api/v1/settings', 403],
  ['manager', '/api/v1/methods/crm.find_contact', 403],
  ['manager', '/api/v1/counters', 200],
] as const)('a %s who asks for %s is answered %i', async (role, path, status) => {
  const { ask } = await it.person(role);
  expect((await ask('GET', path)).status).toBe(status);
});

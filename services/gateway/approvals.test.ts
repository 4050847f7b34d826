import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { Id, PersonText, Phone } from '../../contracts/common.ts';
import { gateway } from '../../contracts/gateway.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import type { PolybError } from '../../contracts/kit/errors.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { follow } from '../../test/kit/stream.ts';
import { until } from '../../test/kit/world.ts';

const post = contract('post', '1.0.0', {
  mail: method({
    summary: 'x',
    input: z.strictObject({ to: Phone, text: PersonText }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
    reaches: 'customer',
  }),
});
const mailed: string[] = [];
let it: GatewayWorld;
let ask: Client;
beforeAll(async () => {
  it = await gatewayWorld(['journal']);
  ask = await it.client('read', 'send');
  await it.world.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({
      post: { mail: { attempt: async ({ text }) => ({ mailId: `m${mailed.push(text)}` }), onUnknown: review } },
    })),
  );
});
afterAll(() => it?.stop());

async function propose(text: string): Promise<string> {
  const refused = await it.world.bus.call(post.mail, { to: '+79995553322', text }, { key: text }).catch((error: PolybError) => error);
  return ((refused as PolybError).data as { rowId: string }).rowId;
}
const followApprovals = (key: string, last?: string) =>
  follow(it.origin, 'approvals', { 'x-api-key': key, ...(last === undefined ? {} : { 'last-event-id': last }) });
type PendingRow = { readonly items: readonly { readonly id: string; readonly hash: string; readonly input: unknown }[] };

test('what waits is listed whole for whoever may send, and once approved it goes out', async () => {
  const id = await propose('Ждём вас в 10:00');
  const { status, body } = await ask('GET', '/api/v1/sandbox/pending');
  expect(status).toBe(200);
  expect((body as PendingRow).items.find((item) => item.id === id)).toMatchObject({
    input: { to: '+79995553322', text: 'Ждём вас в 10:00' },
  });
  expect(await ask('POST', `/api/v1/sandbox/${id}/approve`)).toMatchObject({ status: 200, body: { id } });
  await until(() => mailed.includes('Ждём вас в 10:00') || null);
  expect((await ask('GET', `/api/v1/rows/${id}`)).body).toMatchObject({ id, input: { to: '+7999***3322' } });
});

test('of two approvals at once one is 200 and the other 409, and it is sent once', async () => {
  const id = await propose('дважды');
  const both = await Promise.all([1, 2].map(() => ask('POST', `/api/v1/sandbox/${id}/approve`)));
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(both.find(({ status }) => status === 409)?.body).toMatchObject({ reason: 'decided' });
  await until(() => mailed.includes('дважды') || null);
  expect(mailed.filter((text) => text === 'дважды')).toHaveLength(1);
});

test('a rejected one never goes out, with a reason or without', async () => {
  const [one, other] = [await propose('нет'), await propose('и это нет')];
  expect(await ask('POST', `/api/v1/sandbox/${one}/reject`)).toMatchObject({ status: 200, body: { state: 'rejected' } });
  expect(await ask('POST', `/api/v1/sandbox/${other}/reject`, { why: 'wrong tone' })).toMatchObject({
    status: 200,
    body: { audit: [{ did: 'rejected', why: 'wrong tone' }] },
  });
  expect(await ask('POST', `/api/v1/sandbox/${one}/approve`)).toMatchObject({ status: 409, body: { reason: 'decided' } });
});

test('an approval of what was edited since is 412, one of what stands is 200', async () => {
  const id = await propose('старый текст');
  const seen = (await ask('GET', `/api/v1/rows/${id}`)).headers.get('etag') ?? '';
  const { hash } = await it.world.bus.call(journal.get, { id });
  expect(seen).toBe(`"${hash}"`);
  await it.world.bus.call(journal.edit, { id, hash, input: { to: '+79995553322', text: 'новый текст' } });
  expect(await ask('POST', `/api/v1/sandbox/${id}/approve`, undefined, { 'if-match': seen })).toMatchObject({
    status: 412,
    body: { reason: 'hash_mismatch' },
  });
  const now = (await ask('GET', `/api/v1/rows/${id}`)).headers.get('etag') ?? '';
  expect((await ask('POST', `/api/v1/sandbox/${id}/approve`, undefined, { 'if-match': now })).status).toBe(200);
  await until(() => mailed.includes('новый текст') || null);
  expect(mailed).not.toContain('старый текст');
});

test('where a version must be named an approval without one, or of any, is 428, and changes nothing', async () => {
  const { origin } = await it.startGateway({ GATEWAY_REQUIRE_IF_MATCH: 'true' });
  const strict = http(origin, (await it.key(['send'])).key);
  const id = await propose('строго');
  for (const headers of [{}, { 'if-match': '*' }, { 'if-match': ' * ' }])
    expect(await strict('POST', `/api/v1/sandbox/${id}/approve`, undefined, headers)).toMatchObject({
      status: 428,
      body: { reason: 'precondition_required' },
    });
  expect((await it.world.bus.call(journal.get, { id })).state).toBe('proposed');
});

test('audits name the key that decided, and nobody can decide in the name of another', async () => {
  const { keyId, key } = await it.key(['send'], { client: 'anna' });
  const anna = http(it.origin, key);
  const id = await propose('кто');
  await anna('POST', `/api/v1/sandbox/${id}/approve`, { onBehalfOf: 'boss' });
  const { audit } = await it.world.bus.call(journal.get, { id });
  expect(audit).toMatchObject([{ who: `gateway:anna/${keyId}`, did: 'approved its current version' }]);
  await anna('POST', `/api/v1/sandbox/${id}/approve`);
  const { items } = await it.world.bus.call(gateway.list_audit, { client: 'anna' });
  expect(items).toMatchObject([
    { keyId, method: 'journal.approve', target: id, code: 'conflict', reason: 'decided' },
    { keyId, method: 'journal.approve', target: id, code: 'ok', reason: null },
  ]);
});

test('a follower hears of a proposal and of its end, and after a break of what changed meanwhile', async () => {
  const { key } = await it.key(['read', 'send']);
  const before = await propose('до потока');
  const first = await followApprovals(key);
  expect(first.contentType).toBe('text/event-stream');
  await until(() => first.heard.some(({ data }) => (data as { id?: string }).id === before) || null);
  const id = await propose('во время потока');
  await until(() => first.heard.some(({ event, data }) => event === 'approvals' && (data as { id?: string }).id === id) || null);
  await ask('POST', `/api/v1/sandbox/${id}/reject`);
  await until(
    () =>
      first.heard.some(({ data }) => (data as { id?: string; state?: string }).id === id && (data as { state: string }).state === 'gone') ||
      null,
  );
  const last = first.heard.findLast(({ id: at }) => at !== undefined)?.id ?? '';
  first.leave();
  const later = await propose('после перерыва');
  const second = await followApprovals(key, last);
  await until(() => second.heard.some(({ data }) => (data as { id?: string }).id === later) || null);
  expect(second.heard.filter(({ event }) => event === 'approvals').map(({ data }) => (data as { id: string }).id)).not.toContain(before);
  expect(second.heard[0]).toMatchObject({ event: 'snapshot', data: { topic: 'approvals', ids: expect.arrayContaining([before, later]) } });
  second.leave();
});

test.each([
  ['is revoked', (keyId: string) => it.world.bus.call(gateway.revoke_key, { keyId })],
  [
    'is revoked while no gateway hears of it',
    (keyId: string) => it.world.store.query('update gateway.api_keys set revoked_at = now() where key_id = $1', [keyId]),
  ],
  ['expires', () => Promise.resolve()],
])('a stream ends when its key %s, and the streams of other keys go on', async (how, act) => {
  const { key, keyId } = await it.key(['read', 'send'], how === 'expires' ? { expiresAt: new Date(Date.now() + 6_000).toISOString() } : {});
  const [gone, stays] = [await followApprovals(key), await followApprovals((await it.key(['read', 'send'])).key)];
  await act(keyId);
  await until(() => gone.isOver() || null);
  const id = await propose(`после ключа, который ${how}`);
  await until(() => stays.heard.some(({ data }) => (data as { id?: string }).id === id) || null);
  expect(gone.heard.map(({ data }) => (data as { id?: string }).id)).not.toContain(id);
  expect(stays.isOver()).toBe(false);
  stays.leave();
});

test('a follower without the scope, of no topic, or without a key is refused', async () => {
  const reader = await it.client('read');
  for (const topics of ['?topics=approvals', '?topics=runs', '?topics=messages,runs', ''])
    expect([topics, (await reader('GET', `/api/v1/stream${topics}`)).status]).toEqual([topics, 403]);
  expect((await ask('GET', '/api/v1/stream?topics=secrets')).status).toBe(400);
  expect((await http(it.origin)('GET', '/api/v1/stream')).status).toBe(401);
});

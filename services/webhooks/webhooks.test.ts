import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { gateway } from '../../contracts/gateway.ts';
import { inbox } from '../../contracts/inbox.ts';
import { webhooks } from '../../contracts/webhooks.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import service from './service.ts';

interface WebhookRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
const received: WebhookRequest[] = [];
/** By path: how the receiver answers, 200 unless set. */
const answers = new Map<string, number>();
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = request.url ?? '';
  received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
  response.writeHead(answers.get(path) ?? 200).end();
});
let it: GatewayWorld;
let origin: string;
let hosted: Awaited<ReturnType<GatewayWorld['world']['start']>>;
const client = 'agent';
let key: string;
let keyId: string;
let ask: ReturnType<typeof http>;
const settings = () => ({ HTTP_ALLOW_PRIVATE: origin, WEBHOOKS_GIVE_UP_MS: '3000' });
beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  it = await gatewayWorld(['collector']);
  hosted = await it.world.start('webhooks', service, settings());
  ({ key, keyId } = await it.key(['read', 'send'], { client }));
  ask = http(it.origin, key);
});
beforeEach(() => it.world.store.query('truncate webhooks.subscriptions, webhooks.events'));
afterAll(async () => {
  await it?.stop();
  receiver.closeAllConnections();
  receiver.close();
});

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
let names = 0;
/** A subscription with an address of its own, seen by the fan-out. */
async function subscribe(events = ['inbox.message_received'], by = ask) {
  const name = `hook-${++names}`;
  const path = `/${name}`;
  const secret = newSecret();
  expect(await by('PUT', `/api/v1/webhooks/${name}`, { url: `${origin}${path}`, events, secret })).toMatchObject({ status: 200 });
  await until(async () => {
    await write(`разведка ${randomBytes(4).toString('hex')}`);
    return received.some((one) => one.path === path) || null;
  });
  // Nothing of this is on its way any more.
  const last = await write('конец разведки');
  await until(() => received.some((one) => one.path === path && idOf(one) === last) || null);
  return { name, path, secret, got: () => received.filter((one) => one.path === path) };
}
let keys = 0;
const write = async (text: string) =>
  (await it.world.bus.call(inbox.put_message, { from: 'visitor-1', text, name: 'Анна' }, { key: `webhooks ${++keys}` })).messageId;
const idOf = ({ body }: WebhookRequest) => (JSON.parse(body) as { data: { messageId: string } }).data.messageId;
const isSigned = ({ headers, body }: WebhookRequest, secret: string) => {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(signed)
    .digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${mac}`);
};
const stateOf = async (name: string) =>
  (await it.world.bus.call(webhooks.list_subscriptions, { client })).items.find((one) => one.name === name);

test('each message is delivered once, in order, signed, and names no person', async () => {
  const { secret, got } = await subscribe();
  const ids: string[] = [];
  for (const text of ['раз', 'два', 'три']) ids.push(await write(text));
  const last = await until(() => (got().some((one) => idOf(one) === ids[2]) ? got().slice(-3) : null));
  expect(last.map(idOf)).toEqual(ids);
  expect(last.every((one) => isSigned(one, secret))).toBe(true);
  expect(JSON.parse(last[0]?.body ?? '')).toMatchObject({ type: 'inbox.message_received', data: { channel: 'site' } });
  expect(received.map(({ body }) => body).join()).not.toMatch(/Анна|раз"/);
});

test('a delivery that is refused is repeated under its id, and those behind it wait and keep their order', async () => {
  const { path, got, name } = await subscribe();
  answers.set(path, 503);
  const before = got().length;
  const ids = [await write('первое'), await write('второе')];
  await until(() => got().length > before + 1 || null);
  expect(new Set(got().slice(before).map(idOf))).toEqual(new Set([ids[0]]));
  expect((await stateOf(name))?.failingSince).not.toBeNull();
  answers.delete(path);
  await until(() => got().some((one) => idOf(one) === ids[1]) || null);
  const tries = got().filter((one) => idOf(one) === ids[0]);
  expect(new Set(tries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  await until(async () => (await stateOf(name))?.failingSince === null || null);
});

test('a delivery that is refused for too long becomes a dead letter, and the next one has its turn', async () => {
  const { path, got } = await subscribe();
  answers.set(path, 500);
  const [bad, good] = [await write('не принимается'), await write('принимается')];
  await until(
    async () => (await it.world.store.query(`select from journal.rows where method = 'webhooks.deliver' and state = 'failed'`))[0],
  );
  answers.delete(path);
  await until(() => got().some((one) => idOf(one) === good) || null);
  expect(got().filter((one) => idOf(one) === bad).length).toBeGreaterThan(1);
});

test('events of a time are delivered again under their ids', async () => {
  const { name, got } = await subscribe();
  const since = new Date().toISOString();
  const id = await write('ещё раз');
  const [first] = await until(() => {
    const found = got().filter((one) => idOf(one) === id);
    return found.length > 0 ? found : null;
  });
  const asked = { since, until: new Date(Date.now() + 60_000).toISOString() };
  const replayed = await ask('POST', `/api/v1/webhooks/${name}/replay`, asked);
  expect(replayed).toMatchObject({ status: 200 });
  expect((replayed.body as { deliveries: number }).deliveries).toBeGreaterThan(0);
  const both = await until(() => {
    const found = got().filter((one) => idOf(one) === id);
    return found.length > 1 ? found : null;
  });
  expect(both[1]?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
});

test('while a secret is rotated both sign; after it only the new one', async () => {
  const { name, secret, got } = await subscribe();
  const next = newSecret();
  const rotate = (overlapHours: number) => ask('POST', `/api/v1/webhooks/${name}/secret`, { secret: next, overlapHours });
  expect(await rotate(1)).toMatchObject({ status: 200, body: { formerSecretUntil: expect.any(String) } });
  await rotate(1);
  const id = await write('двумя');
  const both = await until(() => got().find((one) => idOf(one) === id));
  expect([isSigned(both, secret), isSigned(both, next)]).toEqual([true, true]);
  await it.world.store.query(`update webhooks.subscriptions set former_until = now() where name = $1`, [name]);
  const later = await write('одним');
  const one = await until(() => got().find((each) => idOf(each) === later));
  expect([isSigned(one, secret), isSigned(one, next)]).toEqual([false, true]);
});

test('an address that answers 410 gets nothing more until the subscription is put again', async () => {
  const { name, path, got } = await subscribe();
  answers.set(path, 410);
  await write('последнее');
  await until(async () => (await stateOf(name))?.isEnabled === false || null);
  answers.delete(path);
  const before = got().length;
  const unheard = await write('никому');
  await until(async () => (await it.world.store.query(`select from journal.events where payload->>'messageId' = $1`, [unheard]))[0]);
  await until(async () => {
    const [cursor] = await it.world.store.query(
      `select from journal.events e join journal.cursors c on (c.xid, c.id) >= (e.xid, e.id) and c.consumer = 'webhooks@inbox.message_received'
       where e.payload->>'messageId' = $1`,
      [unheard],
    );
    return cursor;
  });
  await until(async () => {
    const left = await it.world.store.query(
      `select from journal.rows where method = 'webhooks.deliver' and state in ('queued', 'attempting')`,
    );
    return left.length === 0 || null;
  });
  await ask('PUT', `/api/v1/webhooks/${name}`, { url: `${origin}${path}`, events: ['inbox.message_received'] });
  const id = await until(async () => {
    const written = await write('снова');
    return until(() => got().find((one) => idOf(one) === written) ?? null, 1_500).then(idOf, () => null);
  });
  expect(got().slice(before).map(idOf)).toContain(id);
  expect(got().slice(before).map(idOf)).not.toContain(unheard);
});

test('one client neither sees nor changes the subscriptions of another', async () => {
  const { name } = await subscribe();
  const other = http(it.origin, (await it.key(['read', 'send'])).key);
  expect((await other('GET', '/api/v1/webhooks')).body).toEqual({ items: [] });
  expect((await other('DELETE', `/api/v1/webhooks/${name}`)).body).toEqual({ isRemoved: false });
  expect((await other('POST', `/api/v1/webhooks/${name}/secret`, { secret: newSecret() })).status).toBe(404);
  expect((await ask('GET', '/api/v1/webhooks')).body).toMatchObject({ items: [{ name, client }] });
});

test('a secret is shown in no answer, and a new subscription without one is refused', async () => {
  const { name, secret } = await subscribe();
  const all = [
    await ask('GET', '/api/v1/webhooks'),
    await ask('PUT', `/api/v1/webhooks/${name}`, { url: origin, events: ['crm.lead_created'] }),
  ];
  expect(JSON.stringify(all.map(({ body }) => body))).not.toContain(secret.slice(6, 20));
  expect(await ask('PUT', '/api/v1/webhooks/none', { url: origin, events: ['crm.lead_created'] })).toMatchObject({ status: 400 });
});

test('what another instance left under way is delivered when an instance dies', async () => {
  const { path, got } = await subscribe();
  answers.set(path, 503);
  const id = await write('переживёт');
  await until(() => got().some((one) => idOf(one) === id) || null);
  await hosted.stop(0);
  answers.delete(path);
  const before = got().length;
  hosted = await it.world.start('webhooks', service, settings());
  await until(
    () =>
      got()
        .slice(before)
        .some((one) => idOf(one) === id) || null,
  );
});

test('once its client has no live key that may read, a subscription gets nothing more', async () => {
  const { name, got } = await subscribe();
  await it.world.bus.call(gateway.revoke_key, { keyId });
  const before = got().length;
  await write('не для них');
  await until(async () => (await stateOf(name))?.isEnabled === false || null);
  expect(got()).toHaveLength(before);
});

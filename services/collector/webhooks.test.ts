import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import { codes, isPolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { botId, type Fixture, fixture, token } from './fixture.ts';

const appSecret = 'app-secret';
const secret = createHmac('sha256', token).update('webhook').digest('hex');
let here: World;
let at: Fixture;
let door: Awaited<ReturnType<typeof openDoor>>;
beforeAll(async () => {
  here = await world();
  door = await openDoor();
});
beforeEach(async () => {
  at = await fixture(here, {
    TELEGRAM_MODE: 'webhook',
    TELEGRAM_WEBHOOK_URL: `${door.url}/telegram`,
    WHATSAPP_APP_SECRET: appSecret,
    WHATSAPP_VERIFY_TOKEN: 'verify-me',
  });
});
afterEach(() => at.close());
afterAll(async () => {
  await door.close();
  await here.stop();
});

/** An HTTP server like the gateway: passes the raw request to the service, and replies with the resulting status. */
async function openDoor() {
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const channel = request.url?.slice(1) ?? '';
      const status = await here.bus
        .call(inbox.channel_webhook, { channel, headers: plain(request.headers), body: Buffer.concat(chunks) })
        .then(
          () => 200,
          (error: unknown) => (isPolybError(error) ? codes[error.code].http : 500),
        );
      statuses.push(status);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    statuses,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
const plain = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]));

const update = (id: number, text: string) => ({
  update_id: id,
  message: {
    message_id: id,
    date: 1_790_000_000,
    chat: { id: 42, type: 'private', first_name: 'Анна' },
    from: { id: 42, is_bot: false, first_name: 'Анна' },
    text,
  },
});
/** The counts, which are also the body of the reply. */
async function post(input: InputOf<typeof inbox.channel_webhook>) {
  const { updates, messages, body, contentType } = await here.bus.call(inbox.channel_webhook, input);
  expect([contentType, JSON.parse(Buffer.from(body).toString())]).toEqual(['application/json', { updates, messages }]);
  return { updates, messages };
}
const telegram = (body: unknown, token = secret, bot?: string) =>
  post({
    channel: 'telegram',
    ...(bot === undefined ? {} : { bot }),
    headers: { 'x-telegram-bot-api-secret-token': token },
    body: Buffer.from(JSON.stringify(body)),
  });
const sign = (body: Uint8Array, key = appSecret) => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
});
const whatsapp = (value: unknown, headers?: Record<string, string>) => {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return post({ channel: 'whatsapp', headers: headers ?? sign(body), body });
};
const delivery = (...values: object[]) => ({
  object: 'whatsapp_business_account',
  entry: values.map((value) => ({
    id: 'waba',
    changes: [
      {
        field: 'messages',
        value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '7', phone_number_id: '900' }, ...value },
      },
    ],
  })),
});
const text = (id: string, body: string, from = '79995553322') => ({ from, id, timestamp: '1790000000', type: 'text', text: { body } });
const contact = { profile: { name: 'Мария' }, wa_id: '79995553322' };

test('Telegram is told where to deliver, and what it delivers is stored before it is answered', async () => {
  await until(() => at.telegram.asked.find(({ method }) => method === 'setWebhook'));
  at.telegram.say(token, 42, 'через вебхук');
  await until(() => at.telegram.unconfirmed(token).length === 0 || null);
  expect((await at.messages()).map((one) => [one.text, one.botId])).toEqual([['через вебхук', botId]]);
  expect(at.telegram.asked.some(({ method }) => method === 'getUpdates')).toBe(false);
});

test.each([
  ['a wrong secret', 'f'.repeat(64)],
  ['a secret of another length', 'f'],
  ['no secret', ''],
])('an update with %s is refused and not stored', async (_, given) => {
  await expect(telegram(update(1, 'подделка'), given)).rejects.toMatchObject({ code: 'permission_denied', reason: 'bad_signature' });
  expect(await here.store.query('select from collector.raw_updates')).toHaveLength(0);
});

test('a body that is no update is refused without being quoted', async () => {
  const failed = await telegram({ secret: 'не update' }).catch((error: unknown) => error as Error);
  expect(failed).toMatchObject({ code: 'invalid_argument', reason: 'bad_body' });
  expect(String(failed)).not.toContain('не update');
});

test('an update that is delivered again is answered again and stored once', async () => {
  expect(await telegram(update(7, 'раз'))).toEqual({ updates: 1, messages: 1 });
  expect(await telegram(update(7, 'раз'))).toEqual({ updates: 1, messages: 0 });
  expect(await at.messages()).toHaveLength(1);
  expect(await at.told('inbox.message_received')).toHaveLength(1);
});

test('a button whose press is delivered again is told once', async () => {
  const anna = { id: 42, is_bot: false, first_name: 'Анна' };
  const press = {
    update_id: 9,
    callback_query: { id: 'q1', from: anna, message: { message_id: 3, date: 1_790_000_000, chat: { id: 42, type: 'private' } }, data: 'x' },
  };
  await telegram(press);
  await telegram(press);
  expect(await at.told('inbox.button_pressed')).toHaveLength(1);
});

test('many deliveries at once, in any order and with repeats, are each stored once', async () => {
  const ids = Array.from({ length: 60 }, (_, n) => n);
  const taken = await Promise.all([...ids, ...ids.toReversed()].map((id) => telegram(update(id, `номер ${id}`))));
  expect(taken.reduce((sum, { messages }) => sum + messages, 0)).toBe(60);
  expect((await at.messages()).map(({ text: words }) => words).sort()).toEqual(ids.map((id) => `номер ${id}`).sort());
});

test('one update that cannot be stored does not take its neighbours with it', async () => {
  const bad = { ...update(2, 'плохое'), message: { ...update(2, 'плохое').message, date: 9e15 } };
  const taken = await Promise.all([telegram(update(1, 'до')), telegram(bad), telegram(update(3, 'после'))]);
  expect(taken.map(({ messages }) => messages)).toEqual([1, 0, 1]);
  expect(await here.store.query('select from collector.raw_updates')).toHaveLength(3);
});

test('nothing is answered as stored while PostgreSQL does not take it', async () => {
  await here.store.query('alter table collector.raw_updates rename to hidden');
  try {
    await expect(telegram(update(1, 'подождёт'))).rejects.toMatchObject({ code: 'internal' });
  } finally {
    await here.store.query('alter table collector.hidden rename to raw_updates');
  }
  expect(await telegram(update(1, 'подождёт'))).toEqual({ updates: 1, messages: 1 });
});

test('WhatsApp is answered with the bare challenge when it knows the verify token, and refused when not', async () => {
  const query = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': 'verify-me' };
  const { body, contentType } = await here.bus.call(inbox.channel_webhook, { channel: 'whatsapp', query });
  expect([Buffer.from(body).toString(), contentType]).toEqual(['1158201444', 'text/plain']);
  for (const wrong of [{ 'hub.verify_token': 'x' }, { 'hub.mode': 'unsubscribe' }])
    await expect(here.bus.call(inbox.channel_webhook, { channel: 'whatsapp', query: { ...query, ...wrong } })).rejects.toMatchObject({
      code: 'permission_denied',
    });
});

test('all messages of all entries and changes of one delivery are stored, each once however often it comes', async () => {
  const body = delivery(
    { contacts: [contact], messages: [text('wamid.1', 'Здравствуйте'), text('wamid.2', 'Есть тюльпаны?')] },
    { messages: [text('wamid.3', 'Кто-то ещё', '79990001122')] },
  );
  expect(await whatsapp(body)).toEqual({ updates: 3, messages: 3 });
  expect(await whatsapp(body)).toEqual({ updates: 3, messages: 0 });
  const stored = await at.messages();
  expect(stored.find(({ externalId }) => externalId === 'wamid.2')).toMatchObject({
    channel: 'whatsapp',
    botId: '900',
    text: 'Есть тюльпаны?',
    sender: { name: 'Мария', role: 'client' },
    sentAt: '2026-09-21T14:13:20.000Z',
  });
  const [first] = (await here.bus.call(inbox.list_clients, { q: 'мария' })).items;
  expect(first).toMatchObject({ phoneNumber: '+79995553322', messages: 2 });
});

test.each([
  ['another key', (body: Buffer) => sign(body, 'other')],
  ['the signature of another body', () => sign(Buffer.from('{}'))],
  ['no signature', () => ({})],
  ['a signature that is too short', () => ({ 'x-hub-signature-256': 'sha256=00' })],
])('a WhatsApp delivery with %s is refused', async (_, headers) => {
  const body = JSON.stringify(delivery({ messages: [text('wamid.9', 'подделка')] }));
  await expect(whatsapp(body, headers(Buffer.from(body)))).rejects.toMatchObject({ code: 'permission_denied', reason: 'bad_signature' });
  expect(await at.messages()).toEqual([]);
});

test('the signature is over the bytes as they came, whatever they look like', async () => {
  const body = `{"object":"whatsapp_business_account", "entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"900"},"messages":[${JSON.stringify(text('wamid.5', '@/é')).replace('@/é', '@\\/\\u00e9')}]}}]}]}`;
  expect(await whatsapp(body)).toEqual({ updates: 1, messages: 1 });
  expect((await at.messages())[0]?.text).toBe('@/é');
});

test('statuses climb and never step down, each step told once', async () => {
  const status = (name: string, more = {}) =>
    delivery({ statuses: [{ id: 'wamid.out', status: name, timestamp: '1790000000', recipient_id: '7', ...more }] });
  for (const name of ['delivered', 'sent', 'read', 'delivered', 'read']) await whatsapp(status(name));
  expect((await at.told('inbox.message_status')).map((told) => told.status)).toEqual(['delivered', 'read']);
  await whatsapp(
    delivery({ statuses: [{ id: 'wamid.bad', status: 'failed', timestamp: '1790000000', errors: [{ code: 131047, title: 'window' }] }] }),
  );
  expect((await at.told('inbox.message_status')).at(-1)).toMatchObject({ status: 'failed', errorCode: '131047', botId: '900' });
});

test('kinds of WhatsApp: a voice note, a button, a place, a person without a phone, and one that is not known yet', async () => {
  const base = { from: '79995553322', timestamp: '1790000000' };
  await whatsapp(
    delivery({
      contacts: [contact],
      messages: [
        { ...base, id: 'w1', type: 'audio', audio: { id: 'media1', mime_type: 'audio/ogg; codecs=opus', voice: true } },
        { ...base, id: 'w2', type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'yes', title: 'Да' } } },
        { ...base, id: 'w3', type: 'location', location: { latitude: 1, longitude: 2 } },
        { from_user_id: 'BR.15025763', timestamp: '1790000000', id: 'w4', type: 'text', text: { body: 'без номера' } },
        { ...base, id: 'w5', type: 'hologram', hologram: {} },
      ],
    }),
  );
  const kinds = Object.fromEntries((await at.messages()).map(({ externalId, kind, text: words }) => [externalId, `${kind} ${words}`]));
  expect(kinds).toEqual({ w1: 'voice ', w2: 'text Да', w3: 'location ', w4: 'text без номера', w5: 'other ' });
  expect((await at.messages()).find(({ externalId }) => externalId === 'w4')?.sender?.name).toBe('');
});

test('a replay stores what was not understood when it came, and tells nothing twice', async () => {
  await telegram(update(1, 'сразу'));
  // As if an older reader had stored it raw only.
  const lost = update(2, 'понято позже');
  await here.store.query(
    `insert into collector.raw_updates (channel, bot_id, external_id, digest, body) values ('telegram', $1, '2', 'x', $2)`,
    [botId, JSON.stringify(lost)],
  );
  const span = {
    channel: 'telegram',
    since: new Date(Date.now() - 60_000).toISOString(),
    until: new Date(Date.now() + 60_000).toISOString(),
    limit: 1,
  } as const;
  const one = await here.bus.call(inbox.replay_updates, span);
  const two = await here.bus.call(inbox.replay_updates, { ...span, cursor: one.nextCursor ?? '' });
  expect([one.messages, two.messages]).toEqual([0, 1]);
  expect((await at.messages()).map(({ text: words }) => words).sort()).toEqual(['понято позже', 'сразу']);
  expect(await at.told('inbox.message_received')).toHaveLength(2);
});

test('a replay in pages comes by every update, whatever their numbers', async () => {
  for (const id of [9_000_099, 9_000_100, 10_000_000])
    await here.store.query(
      `insert into collector.raw_updates (id, channel, bot_id, external_id, digest, body) overriding system value
       values ($1, 'telegram', $2, $3, 'x', $4)`,
      [id, botId, String(id), JSON.stringify(update(id, `номер ${id}`))],
    );
  const since = new Date(Date.now() - 60_000).toISOString();
  const until = new Date(Date.now() + 60_000).toISOString();
  let cursor: string | null = null;
  do {
    const page: { nextCursor: string | null } = await here.bus.call(inbox.replay_updates, {
      ...{ channel: 'telegram', since, until, limit: 1 },
      ...(cursor === null ? {} : { cursor }),
    });
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(await at.messages()).toHaveLength(3);
});

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PolybError } from '../../../contracts/kit/errors.ts';
import { draftOf } from '../../channel/fixture.ts';
import { createHttp } from '../../http.ts';
import { type Fault, type WhatsAppFake, whatsappFake } from './fake.ts';
import { whatsappSend, whatsappSendSettings } from './send.ts';

const message = draftOf({ channel: 'whatsapp', botId: '5550001', to: '79995553322', text: 'Добрый день' });
const token = 'secret-token';
let http: ReturnType<typeof createHttp>;
let graph: WhatsAppFake;
let clock: number;
beforeEach(async () => {
  clock = Date.parse('2026-05-05T09:00:00Z');
  graph = await whatsappFake({ token, appSecret: 'x', templates: { 'order_ready/ru': 2 }, now: () => clock });
  http = createHttp({ allowPrivate: [graph.url] });
  graph.say({ phone: message.to, userId: 'RU.13491208655302741918' }, 'Здравствуйте');
});
afterEach(async () => {
  await http.close();
  await graph.close();
});

const send = (more: Partial<typeof message> = {}, settings: object = { WHATSAPP_TOKEN: token }) =>
  whatsappSend(whatsappSendSettings.parse({ WHATSAPP_API_ROOT: graph.url, ...settings }), { http, now: () => clock }).deliver.attempt(
    { ...message, ...more },
    { ref: 'r', signal: AbortSignal.timeout(10_000) },
  );
const refused = (sending: Promise<unknown>): Promise<PolybError> =>
  sending.then(
    () => Promise.reject(new Error('it was sent')),
    (error: PolybError) => error,
  );
test('a text goes out with the token of the app, as an answer where it is one, and tells its id', async () => {
  expect(await send({ replyTo: 'wamid.in' })).toEqual({
    ...{ externalId: graph.sent[0]?.id, to: '79995553322', text: 'Добрый день', at: '2026-05-05T09:00:00.000Z' },
    ...{ threadId: null, replyTo: 'wamid.in', choices: null, media: null },
  });
  expect(graph.asked).toEqual([
    {
      what: 'messages',
      path: '/v23.0/5550001/messages',
      authorization: 'Bearer secret-token',
      body: {
        ...{ messaging_product: 'whatsapp', recipient_type: 'individual', to: '79995553322', context: { message_id: 'wamid.in' } },
        ...{ type: 'text', text: { body: 'Добрый день', preview_url: false } },
      },
    },
  ]);
});

test('a template goes out with its parameters', async () => {
  await send({ template: { name: 'order_ready', language: 'ru', parameters: ['881', '10:30'] } });
  expect(graph.sent[0]?.body).toMatchObject({
    type: 'template',
    template: {
      ...{ name: 'order_ready', language: { code: 'ru' } },
      components: [
        {
          type: 'body',
          parameters: [
            { type: 'text', text: '881' },
            { type: 'text', text: '10:30' },
          ],
        },
      ],
    },
  });
});

test('somebody who hides the phone is written to by the user id, and never in the place of a phone', async () => {
  const to = 'RU.13491208655302741918';
  expect(await send({ to })).toMatchObject({ to });
  expect(graph.sent).toMatchObject([{ to, body: { recipient: to, recipient_type: 'individual' } }]);
  expect(graph.sent[0]?.body).not.toHaveProperty('to');
});

test.each<[string, Partial<typeof message>, object, number?]>([
  ['free text after 24 hours of silence', {}, { reason: 'window_closed' }, 86_400_000],
  ['free text to somebody who never wrote', { to: '79990000000' }, { reason: 'window_closed' }],
  ['a template that nobody approved', { template: { name: 'hello', language: 'ru', parameters: [] } }, { reason: 'template_refused' }],
  [
    'a template with too few parameters',
    { template: { name: 'order_ready', language: 'ru', parameters: ['1'] } },
    { reason: 'template_refused' },
  ],
  ['a text of 4,097 characters', { text: 'я'.repeat(4097) }, { reason: 'upstream_rejected' }],
  [
    'a parameter of 1,025',
    { template: { name: 'order_ready', language: 'ru', parameters: ['1', 'я'.repeat(1025)] } },
    { reason: 'upstream_rejected' },
  ],
  ['a number that is not of the account', { botId: '1' }, { reason: 'upstream_rejected' }],
])('%s is refused by WhatsApp, and nothing goes out', async (_, more, error, laterMs = 0) => {
  clock += laterMs;
  expect(await refused(send(more))).toMatchObject({ code: 'failed_precondition', ...error, outcome: 'not_executed' });
  expect(graph.sent).toEqual([]);
});

test('a text of 4,096 characters and parameters of 1,024 go out, the latter after any silence', async () => {
  await send({ text: 'я'.repeat(4096) });
  clock += 30 * 86_400_000;
  await send({ template: { name: 'order_ready', language: 'ru', parameters: ['1', 'я'.repeat(1024)] } });
  expect(graph.sent.map(({ body }) => body.type)).toEqual(['text', 'template']);
});

test('the forty-sixth message to one person at once is put off by six seconds', async () => {
  for (let nth = 1; nth <= 45; nth += 1) await send();
  expect(await refused(send())).toMatchObject({ code: 'resource_exhausted', retryAfterMs: 6_000, outcome: 'not_executed' });
  clock += 6_000;
  await send();
  expect(graph.sent).toHaveLength(46);
});

test.each([
  [131056, 400, { code: 'resource_exhausted', reason: 'pair_limited', retryAfterMs: 6_000 }],
  [130429, 429, { code: 'resource_exhausted' }],
  [131016, 503, { code: 'unavailable' }],
  [131000, 500, { code: 'unavailable' }],
  [190, 401, { code: 'failed_precondition', reason: 'upstream_credentials' }],
  [200, 403, { code: 'failed_precondition', reason: 'upstream_permission' }],
  [131047, 400, { code: 'failed_precondition', reason: 'window_closed' }],
  [131026, 400, { code: 'failed_precondition', reason: 'undeliverable' }],
  [132001, 404, { code: 'failed_precondition', reason: 'template_refused' }],
  [131031, 403, { code: 'failed_precondition', reason: 'account_blocked' }],
  [999_999, 400, { code: 'failed_precondition', reason: 'upstream_rejected' }],
])('error %i is definite, and means what the documents say', async (code, status, error) => {
  graph.order({ do: 'refuse', code, status });
  expect(await refused(send())).toMatchObject({ ...error, outcome: 'not_executed' });
});

test.each<[string, Fault]>([
  ['an unknown failure', { do: 'refuse', code: 1, status: 500 }],
  ['a failure without words', { do: 'answer', status: 502, body: '<html>' }],
  ['a cut connection', { do: 'cut' }],
  ['an answer without an id', { do: 'answer', status: 200, body: '{"messages":[]}' }],
  ['an answer that is not JSON', { do: 'answer', status: 200, body: 'ok' }],
])('%s leaves it open whether the message went out', async (_, fault) => {
  graph.order(fault);
  expect(await refused(send())).toMatchObject({ outcome: 'unknown' });
  expect(graph.asked).toHaveLength(1);
});

test('without a token nothing is asked, and no error tells it', async () => {
  expect(await refused(send({}, {}))).toMatchObject({ reason: 'no_token', outcome: 'not_executed' });
  expect(graph.asked).toEqual([]);
  const wrong = await refused(send({}, { WHATSAPP_TOKEN: 'another-token' }));
  expect(wrong).toMatchObject({ reason: 'upstream_credentials' });
  expect(JSON.stringify(wrong) + wrong.message).not.toContain('another-token');
});

test('a person takes ten messages in a minute, at once if need be', () => {
  const { quotas } = whatsappSend(whatsappSendSettings.parse({}), { http, now: Date.now });
  expect(quotas(message)).toMatchObject([
    { limit: 10, windowMs: 60_000 },
    { limit: 80, windowMs: 1_000 },
  ]);
});

test('a file whose upload fails in any way was not sent, and what WhatsApp refuses of it is told', async () => {
  const blob = { blobId: 'blob_1', bytes: 3, contentType: 'image/png' };
  const sending = () =>
    whatsappSend(whatsappSendSettings.parse({ WHATSAPP_API_ROOT: graph.url, WHATSAPP_TOKEN: token }), {
      http,
      now: () => clock,
    }).deliver.attempt(
      { ...message, media: { kind: 'image', blob } },
      { ref: 'r', signal: AbortSignal.timeout(10_000), file: Buffer.from('png') },
    );
  for (const [fault, code] of [
    [{ do: 'cut' }, 'unavailable'],
    [{ do: 'answer', status: 200, body: '{}' }, 'unavailable'],
    [{ do: 'answer', status: 502, body: 'Bad Gateway' }, 'unavailable'],
    [{ do: 'refuse', code: 131053 }, 'failed_precondition'],
  ] as const) {
    graph.order({ ...fault, on: 'upload' });
    await expect(sending()).rejects.toMatchObject({ name: 'PolybError', code, outcome: 'not_executed' });
  }
  expect(graph.sent).toEqual([]);
  graph.order({ do: 'cut', on: 'messages' });
  await expect(sending()).rejects.toMatchObject({ outcome: 'unknown' });
});

test('three buttons are buttons, four are a list', async () => {
  const options = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ id: `o${n}`, title: `В 1${n}:00`, description: 'у Ольги' }));
  for (const count of [3, 4]) await send({ choices: { as: 'buttons', options: options(count) } });
  expect(graph.sent.map(({ body }) => (body.interactive as { type: string }).type)).toEqual(['button', 'list']);
  expect(graph.sent[1]?.body).toMatchObject({
    interactive: { action: { button: 'Выбрать', sections: [{ rows: options(4).map((option) => expect.objectContaining(option)) }] } },
  });
});

test('templates are listed over pages with their state and parameters, and not without an account', async () => {
  await graph.close();
  graph = await whatsappFake({ token, appSecret: 'x', templates: { 'order_ready/ru': 2, 'hello/ru': 0, 'bye/en_US': 1 } });
  const sending = (settings: object) =>
    whatsappSend(whatsappSendSettings.parse({ WHATSAPP_API_ROOT: graph.url, WHATSAPP_TOKEN: token, ...settings }), {
      http,
      now: () => clock,
    });
  const ofGraph = createHttp({ allowPrivate: [graph.url] });
  const list = whatsappSend(
    whatsappSendSettings.parse({ WHATSAPP_API_ROOT: graph.url, WHATSAPP_TOKEN: token, WHATSAPP_BUSINESS_ACCOUNT_ID: '102' }),
    { http: ofGraph, now: () => clock },
  ).listTemplates;
  const signal = AbortSignal.timeout(10_000);
  const first = await list?.({ limit: 2 }, signal);
  expect(first?.items).toEqual([
    { name: 'order_ready', language: 'ru', state: 'APPROVED', category: 'UTILITY', text: 'Заказ {{1}} {{2}}', parameters: 2 },
    expect.objectContaining({ name: 'hello', parameters: 0 }),
  ]);
  const second = await list?.({ limit: 2, cursor: first?.nextCursor ?? '' }, signal);
  expect([second?.items.map(({ name }) => name), second?.nextCursor]).toEqual([['bye'], null]);
  await expect(list?.({ limit: 2, cursor: 'a b' }, signal)).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(sending({}).listTemplates?.({ limit: 2 }, signal)).rejects.toMatchObject({ reason: 'no_account' });
  await ofGraph.close();
});

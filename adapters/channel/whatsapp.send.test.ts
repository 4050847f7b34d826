import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ParsedOf } from '../../contracts/define.ts';
import type { PolybError } from '../../contracts/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { createHttp } from '../http.ts';
import { whatsappSend, whatsappSendSettings } from './whatsapp.send.ts';

const message: ParsedOf<typeof messages.deliver> = {
  ...{ channel: 'whatsapp', chatId: 'chat_1', botId: '5550001', to: '79995553322', isGroup: false, text: 'Добрый день' },
  ...{ replyTo: null, threadId: null, template: null, answers: null },
};
const asked: { path: string; authorization: string; body: Record<string, unknown> }[] = [];
let answer: { status: number; body: string } | 'cut';
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const { authorization = '' } = request.headers;
  asked.push({ path: request.url ?? '', authorization, body: JSON.parse(text) as Record<string, unknown> });
  if (answer === 'cut') return void request.socket.destroy();
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(answer.body);
});
let url: string;
let http: ReturnType<typeof createHttp>;
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  http = createHttp({ allowPrivate: [url] });
});
afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked.length = 0;
  answer = { status: 200, body: JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: 'wamid.1' }] }) };
});

const send = (more: Partial<typeof message> = {}, settings: object = { WHATSAPP_TOKEN: 'secret-token' }) =>
  whatsappSend(whatsappSendSettings.parse({ WHATSAPP_API_ROOT: url, ...settings }), {
    http,
    now: () => Date.parse('2026-05-05T09:00:00Z'),
  }).deliver.attempt({ ...message, ...more }, { ref: 'r', signal: AbortSignal.timeout(10_000) });
const refused = (sending: Promise<unknown>): Promise<PolybError> =>
  sending.then(
    () => Promise.reject(new Error('it was sent')),
    (error: PolybError) => error,
  );
const graphError = (code: number, status = 400) => ({
  status,
  body: JSON.stringify({ error: { message: 'x', type: 'OAuthException', code } }),
});

test('a text goes out with the token of the app, as an answer where it is one, and tells its id', async () => {
  expect(await send({ replyTo: 'wamid.in' })).toEqual({
    ...{ externalId: 'wamid.1', to: '79995553322', text: 'Добрый день', at: '2026-05-05T09:00:00.000Z' },
  });
  expect(asked).toEqual([
    {
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
  expect(asked[0]?.body).toMatchObject({
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

test.each([
  [131056, 400, { code: 'resource_exhausted', retryAfterMs: 6_000 }],
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
  answer = graphError(code, status);
  expect(await refused(send())).toMatchObject({ ...error, outcome: 'not_executed' });
});

test.each([
  ['an unknown failure', graphError(1, 500)],
  ['a failure without words', { status: 502, body: '<html>' }],
  ['a cut connection', 'cut' as const],
  ['an answer without an id', { status: 200, body: '{"messages":[]}' }],
  ['an answer that is not JSON', { status: 200, body: 'ok' }],
])('%s leaves it open whether the message went out', async (_, given) => {
  answer = given;
  expect(await refused(send())).toMatchObject({ outcome: 'unknown' });
  expect(asked).toHaveLength(1);
});

test('without a token nothing is asked, and no error tells it', async () => {
  expect(await refused(send({}, {}))).toMatchObject({ reason: 'no_token', outcome: 'not_executed' });
  expect(asked).toEqual([]);
  answer = graphError(190, 401);
  expect(JSON.stringify(await refused(send()))).not.toContain('secret-token');
});

test('a person takes one message in 6 seconds', () => {
  const { quotas } = whatsappSend(whatsappSendSettings.parse({}), { http, now: Date.now });
  expect(quotas(message)).toMatchObject([
    { limit: 1, windowMs: 6_000 },
    { limit: 80, windowMs: 1_000 },
  ]);
});

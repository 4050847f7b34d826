import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PolybError } from '../../../contracts/kit/errors.ts';
import { draftOf } from '../../channel/fixture.ts';
import { createHttp } from '../../http.ts';
import { type TelegramFake, telegramFake } from './fake.ts';
import { telegramSend } from './send.ts';

const token = '7001:AAAA-test';
const signal = AbortSignal.timeout(60_000);
const message = draftOf({ channel: 'telegram', botId: '7001', to: '42', text: 'Добрый день' });
let fake: TelegramFake;
let open: ReturnType<typeof createHttp>[] = [];
beforeEach(async () => {
  fake = await telegramFake({ tokens: [token] });
});
afterEach(async () => {
  await fake.close();
  await Promise.all(open.map((http) => http.close()));
  open = [];
});

const sendingAt = (url: string) => {
  const http = createHttp({ allowPrivate: [url] });
  open.push(http);
  return telegramSend({ TELEGRAM_BOT_TOKENS: [token], TELEGRAM_API_ROOT: url }, { http });
};
const sendTo = (url: string, more: Partial<typeof message> = {}) =>
  sendingAt(url).deliver.attempt({ ...message, ...more }, { ref: 'r', signal });
const refused = (sending: Promise<unknown>): Promise<PolybError> =>
  sending.then(
    () => Promise.reject(new Error('it was sent')),
    (error: PolybError) => error,
  );

test('a message reaches its chat and topic as it was written, and tells its number', async () => {
  const text = '<b>не жирный</b> *и не это* 🌷';
  expect(await sendTo(fake.url, { text, threadId: '7', replyTo: '3' })).toMatchObject({ externalId: '1', to: '42', text });
  expect(fake.sent[0]?.payload).toEqual({
    ...{ chat_id: '42', text, message_thread_id: 7 },
    reply_parameters: { message_id: 3, allow_sending_without_reply: true },
  });
});

test('a message that went out is told as sent also when the server counts its date in milliseconds', async () => {
  const server = createServer((_request, response) =>
    response.end(JSON.stringify({ ok: true, result: { message_id: 2, date: Date.now() } })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sent = await sendTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.closeAllConnections();
  server.close();
  expect(sent).toMatchObject({ externalId: '2' });
  expect(Math.abs(Date.parse(sent.at ?? '') - Date.now())).toBeLessThan(60_000);
});

test.each([
  ['429', { status: 429, retryAfterS: 7 }, { code: 'resource_exhausted', retryAfterMs: 7_000 }],
  ['a block', { status: 403, description: 'Forbidden: bot was blocked by the user' }, { code: 'failed_precondition', reason: 'blocked' }],
  [
    'a kick',
    { status: 403, description: 'Forbidden: bot was kicked from the group chat' },
    { code: 'failed_precondition', reason: 'kicked' },
  ],
  ['no such chat', { status: 400, description: 'Bad Request: chat not found' }, { code: 'failed_precondition', reason: 'chat_not_found' }],
  ['a wrong token', { status: 401, description: 'Unauthorized' }, { code: 'failed_precondition', reason: 'upstream_credentials' }],
])('%s is a definite refusal', async (_, fault, error) => {
  fake.order({ do: 'refuse', on: 'sendMessage', ...fault });
  expect(await refused(sendTo(fake.url))).toMatchObject({ ...error, outcome: 'not_executed' });
  expect(fake.sent).toEqual([]);
});

test.each([
  ['a failure of the server', { do: 'refuse', status: 502, description: 'Bad Gateway' } as const],
  ['a cut connection', { do: 'cut', after: true } as const],
  ['an answer that is not JSON', { do: 'garbage', after: true } as const],
])('%s leaves it open whether the message went out', async (_, fault) => {
  fake.order({ on: 'sendMessage', ...fault });
  expect(await refused(sendTo(fake.url))).toMatchObject({ outcome: 'unknown' });
  expect(fake.asked).toHaveLength('after' in fault ? 1 : 0);
});

test('an attempt that is given up leaves it open whether the message went out', async () => {
  fake.order({ do: 'hang', on: 'sendMessage' });
  const attempt = sendingAt(fake.url).deliver.attempt(message, { ref: 'r', signal: AbortSignal.timeout(100) });
  expect(await refused(attempt)).toMatchObject({ outcome: 'unknown' });
});

test('a server that nobody reaches, and a bot whose token we lack, are definite', async () => {
  const { url } = fake;
  await fake.close();
  expect(await refused(sendTo(url))).toMatchObject({ code: 'unavailable', outcome: 'not_executed' });
  expect(await refused(sendTo(url, { botId: '7002' }))).toMatchObject({ reason: 'no_token', outcome: 'not_executed' });
});

test('a group that became a supergroup gets the message once, under its new id', async () => {
  const seconds = Math.floor(Date.now() / 1000) - 60;
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { chat_id } = JSON.parse(body) as { chat_id: string };
    asked.push(chat_id);
    const moved = chat_id === '-5';
    response.writeHead(moved ? 400 : 200, { 'content-type': 'application/json' });
    const refusal = { ok: false, error_code: 400, description: 'Bad Request: group chat was upgraded to a supergroup chat' };
    response.end(
      JSON.stringify(
        moved ? { ...refusal, parameters: { migrate_to_chat_id: -1005 } } : { ok: true, result: { message_id: 9, date: seconds } },
      ),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await sendTo(url, { to: '-5', isGroup: true })).toMatchObject({
    ...{ externalId: '9', to: '-1005', text: message.text, at: new Date(seconds * 1000).toISOString() },
  });
  expect(asked).toEqual(['-5', '-1005']);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a chat takes one message a second, a group 20 a minute, a bot 30 a second', () => {
  const { quotas } = sendingAt(fake.url);
  const paces = (isGroup: boolean) => quotas({ ...message, isGroup }).map(({ limit, windowMs }) => [limit, windowMs]);
  expect(paces(false)).toEqual([
    [1, 1_000],
    [30, 1_000],
  ]);
  expect(paces(true)).toEqual([
    [1, 1_000],
    [20, 60_000],
    [30, 1_000],
  ]);
});

const choices = {
  as: 'buttons',
  options: [
    { id: 'yes:1', title: 'Да' },
    { id: 'no:1', title: 'Нет' },
  ],
} as const;
const settle = (pressed: { id: string }, offered: { to: string; externalId: string } | null, title: string | null = 'Да') =>
  sendingAt(fake.url).settlePress?.({ botId: '7001', queryId: pressed.id, title, offered }, signal);

test('a press is answered with the title and its keyboard goes, however often it is settled', async () => {
  await sendTo(fake.url, { choices: { ...choices, options: [...choices.options] } });
  const [message] = fake.screen(token, 42);
  if (message === undefined) throw new Error('nothing was sent');
  const pressed = fake.press(token, 42, message, 'Да');
  for (let n = 0; n < 2; n += 1) await settle(pressed, { to: '42', externalId: String(message.messageId) });
  expect(pressed.answer).toEqual({ text: 'Да', isAlert: false });
  expect(fake.screen(token, 42)[0]).toMatchObject({ text: 'Добрый день', buttons: [] });
  expect(fake.asked.filter(({ method }) => method === 'editMessageReplyMarkup')).toHaveLength(2);
});

test('a press of a message that is gone or of somebody else is answered, and nothing is changed', async () => {
  await sendTo(fake.url, { choices: { ...choices, options: [...choices.options] } });
  const [message] = fake.screen(token, 42);
  if (message === undefined) throw new Error('nothing was sent');
  const [foreign, gone] = [fake.press(token, 42, message, 'Да'), fake.press(token, 42, message, 'Нет')];
  await settle(foreign, null, null);
  expect(foreign.answer).toEqual({ text: '', isAlert: false });
  expect(fake.screen(token, 42)[0]?.buttons).toHaveLength(2);
  fake.erase(token, message);
  await settle(gone, { to: '42', externalId: String(message.messageId) });
  expect(gone.answer).toEqual({ text: 'Да', isAlert: false });
});

test('a limit of Telegram on a press is told, so that it is settled later', async () => {
  fake.order({ do: 'refuse', on: 'answerCallbackQuery', status: 429, retryAfterS: 2 });
  await expect(settle({ id: 'q' }, null)).rejects.toMatchObject({ code: 'resource_exhausted', retryAfterMs: 2_000 });
});

test('a contact is requested in no group and in no chat of a business account, where Telegram refuses it', async () => {
  fake.connect(token, 7, 'BC1');
  const ask = { as: 'contact_request', title: 'Отправить номер' } as const;
  const sent = [
    await sendTo(fake.url, { choices: ask }),
    await sendTo(fake.url, { choices: ask, to: '-5', isGroup: true }),
    await sendTo(fake.url, { choices: ask, to: 'BC1:42' }),
  ];
  expect(sent.map((each) => each.choices?.as ?? null)).toEqual(['contact_request', null, null]);
  expect(fake.sent).toHaveLength(3);
});

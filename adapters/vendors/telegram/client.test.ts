import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHttp } from '../../http.ts';
import { botApi } from './client.ts';
import { type Fault, type TelegramFake, telegramFake } from './fake.ts';

const token = '7001:AAAA-secret';
const signal = AbortSignal.timeout(60_000);
const nowhere = 'http://127.0.0.1:9';
let fake: TelegramFake;
let http: ReturnType<typeof createHttp>;
beforeEach(async () => {
  fake = await telegramFake({ tokens: [token] });
  http = createHttp({ allowPrivate: [fake.url, nowhere] });
});
afterEach(async () => {
  await http.close();
  await fake.close();
});
const at = (url: string) => botApi(token, url, http);
const send = (chatId = 42, text = 'да') => at(fake.url).call('sendMessage', { chat_id: chatId, text }, { signal });

test.each([
  ['429', { do: 'refuse', status: 429, retryAfterS: 7 }, { code: 'resource_exhausted', retryAfterMs: 7000, outcome: 'not_executed' }],
  ['500', { do: 'refuse', status: 500 }, { code: 'upstream_failed', outcome: 'unknown' }],
  ['401', { do: 'refuse', status: 401, description: 'Unauthorized' }, { code: 'failed_precondition', reason: 'upstream_credentials' }],
  ['a page of HTML', { do: 'garbage', after: true }, { code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' }],
  ['a cut connection', { do: 'cut', after: true }, { code: 'upstream_failed', reason: 'cut_off', outcome: 'unknown' }],
] as const)('an answer of %s is told as what it means', async (_, fault: Fault, error) => {
  fake.order(fault);
  await expect(send()).rejects.toMatchObject(error);
});

test('a refusal names its reason: blocked, too long, no such chat', async () => {
  fake.block(token, 43);
  await expect(send(43)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'blocked' });
  await expect(send(42, 'а'.repeat(4097))).rejects.toMatchObject({ reason: 'too_long' });
  fake.order({ do: 'refuse', status: 400, description: 'Bad Request: chat not found' });
  await expect(send()).rejects.toMatchObject({ reason: 'chat_not_found', outcome: 'not_executed' });
});

test('an API that is not there was not reached, and one that is silent may have done it', async () => {
  await expect(at(nowhere).call('getMe', {}, { signal })).rejects.toMatchObject({ code: 'unavailable', outcome: 'not_executed' });
  fake.order({ do: 'hang' });
  const silent = at(fake.url).call('sendMessage', { chat_id: 42, text: 'да' }, { signal, timeoutMs: 100 });
  await expect(silent).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown' });
});

test('the caller can give up', async () => {
  fake.order({ do: 'hang' });
  const leaving = new AbortController();
  const asked = at(fake.url).call('getMe', {}, { signal: leaving.signal });
  leaving.abort();
  await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
});

test('no error holds the token', async () => {
  const errors: unknown[] = [];
  for (const fault of ['refuse', 'cut', 'garbage'] as const) {
    fake.order({ do: fault, status: 400 });
    await send().catch((error: unknown) => errors.push(error));
  }
  fake.order({ do: 'hang' });
  const calls = [at(nowhere).call('getMe', {}, { signal }), at('http://127.0.0.1:10').call('getMe', {}, { signal })];
  for (const call of [...calls, at(fake.url).call('getMe', {}, { signal, timeoutMs: 50 })])
    await call.catch((error: unknown) => errors.push(error));
  expect(errors).toHaveLength(6);
  for (const error of errors) {
    const { message, stack, cause } = error as Error;
    expect(`${message} ${stack} ${String(cause)} ${JSON.stringify(error)}`).not.toContain('secret');
  }
});

test('an inner address is asked only where it is allowed, and the refusal says which setting allows it', async () => {
  const guarded = createHttp({ allowPrivate: [] });
  for (const root of [fake.url, fake.url.replace('http:', 'https:')]) {
    const asked = botApi(token, root, guarded).call('sendMessage', { chat_id: 42, text: 'да' }, { signal });
    await expect(asked).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'address_forbidden',
      message: expect.stringContaining('HTTP_ALLOW_PRIVATE'),
    });
  }
  expect(fake.asked).toEqual([]);
  await guarded.close();
});

test('what a proxy answers in the place of the Bot API means what its status says', async () => {
  const proxy = createServer((_request, response) => response.writeHead(413).end('<html>413</html>'));
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const through = createHttp({ allowPrivate: [url] });
  const asked = botApi(token, url, through).call('getMe', {}, { signal });
  await expect(asked).rejects.toMatchObject({ code: 'failed_precondition', outcome: 'not_executed' });
  await through.close();
  await new Promise((resolve) => proxy.close(resolve));
});

test('the stand-in is as strict as the real one: an offset confirms for ever, and a second poller ends the first', async () => {
  const api = at(fake.url);
  const poll = (payload: object) => api.call('getUpdates', { timeout: 0, ...payload }, { signal }) as Promise<{ update_id: number }[]>;
  const ids = ['раз', 'два', 'три'].map((text) => fake.say(token, 42, text) && (fake.unconfirmed(token).at(-1) ?? 0));
  expect((await poll({})).map(({ update_id }) => update_id)).toEqual(ids);
  expect((await poll({ offset: (ids[0] ?? 0) + 1 })).map(({ update_id }) => update_id)).toEqual(ids.slice(1));
  expect((await poll({})).map(({ update_id }) => update_id)).toEqual(ids.slice(1));
  await poll({ offset: (ids[2] ?? 0) + 1 });
  const first = api.call('getUpdates', { timeout: 20 }, { signal });
  const refused = expect(first).rejects.toMatchObject({ code: 'conflict', reason: 'other_poller' });
  const asked = fake.asked.length;
  while (fake.asked.length === asked) await new Promise((resolve) => setImmediate(resolve));
  await poll({});
  await refused;
});

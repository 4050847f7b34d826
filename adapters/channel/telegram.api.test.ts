import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { botApi } from './telegram.api.ts';
import { type Fault, type TelegramFake, telegramFake } from './telegram.fake.ts';

const token = '7001:AAAA-secret';
const signal = AbortSignal.timeout(60_000);
let fake: TelegramFake;
beforeEach(async () => {
  fake = await telegramFake({ tokens: [token] });
});
afterEach(() => fake.close());
const send = (chatId = 42, text = 'да') => botApi(token, fake.url).call('sendMessage', { chat_id: chatId, text }, { signal });

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
  const nowhere = botApi(token, 'http://127.0.0.1:9');
  await expect(nowhere.call('getMe', {}, { signal })).rejects.toMatchObject({ code: 'unavailable', outcome: 'not_executed' });
  fake.order({ do: 'hang' });
  const silent = botApi(token, fake.url).call('sendMessage', { chat_id: 42, text: 'да' }, { signal, timeoutMs: 100 });
  await expect(silent).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown' });
});

test('the caller can give up', async () => {
  fake.order({ do: 'hang' });
  const leaving = new AbortController();
  const asked = botApi(token, fake.url).call('getMe', {}, { signal: leaving.signal });
  leaving.abort();
  await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
});

test('no error holds the token', async () => {
  const errors: unknown[] = [];
  for (const fault of ['refuse', 'cut', 'garbage'] as const) {
    fake.order({ do: fault, status: 400 });
    await send().catch((error: unknown) => errors.push(error));
  }
  await botApi(token, 'http://127.0.0.1:9')
    .call('getMe', {}, { signal })
    .catch((error: unknown) => errors.push(error));
  expect(errors).toHaveLength(4);
  for (const error of errors) {
    const { message, stack, cause } = error as Error;
    expect(`${message} ${stack} ${String(cause)} ${JSON.stringify(error)}`).not.toContain('secret');
  }
});

test('the stand-in is as strict as the real one: an offset confirms for ever, and a second poller ends the first', async () => {
  const api = botApi(token, fake.url);
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

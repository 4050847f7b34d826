import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Cache } from '../../adapters/cache/port.ts';
import { draftOf } from '../../adapters/channel/fixture.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import { createHttp } from '../../adapters/http.ts';
import { quotasIn } from '../../adapters/quota.ts';
import { telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { telegramSend } from '../../adapters/vendors/telegram/send.ts';
import { type ParsedOf, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { withinQuotas } from './within-quotas.ts';

function setup() {
  const clock = { ms: 1_000_000 };
  const cache = memoryCache({ now: () => clock.ms });
  const went: string[] = [];
  const sending: Sending = {
    deliver: {
      attempt: async ({ text }) => {
        went.push(text);
        return {};
      },
      onUnknown: review,
    },
    quotas: ({ to }) => [
      { bucket: `chat:${to}`, limit: 1, windowMs: 1_000 },
      { bucket: 'bot', limit: 4, windowMs: 1_000 },
    ],
  };
  const one = withinQuotas(
    sending,
    quotasIn(cache, () => clock.ms),
  );
  const other = withinQuotas(
    sending,
    quotasIn(cache, () => clock.ms),
  );
  const send = (to: string, effect = one) =>
    effect.attempt({ to, text: to } as ParsedOf<typeof messages.deliver>, { ref: 'r', signal: AbortSignal.timeout(1_000) }); // what it reads
  return { clock, went, send, other };
}

/** Two processes with one cache, and two bots, before a Telegram that counts who does not wait. */
async function floodable(cacheOf: () => Pick<Cache, 'take' | 'get' | 'set'> = sharedCache()) {
  const tokens = ['7001:AAAA-test', '7002:AAAA-test'];
  const telegram = await telegramFake({ tokens });
  const options = { TELEGRAM_BOT_TOKENS: tokens, TELEGRAM_API_ROOT: telegram.url };
  const http = createHttp({ allowPrivate: [telegram.url] });
  const [one, other] = [cacheOf(), cacheOf()].map((cache) => withinQuotas(telegramSend(options, { http }), quotasIn(cache, Date.now)));
  const send = (effect: typeof one, botId: string, to: number) =>
    effect?.attempt(draftOf({ channel: 'telegram', botId, to: String(to), text: 'Готово' }), {
      ref: 'r',
      signal: AbortSignal.timeout(10_000),
    });
  return {
    telegram,
    flood: (seconds: number, chatId?: number) => telegram.flood(tokens[0] ?? '', seconds, chatId),
    one: (to: number, botId = '7001') => send(one, botId, to),
    other: (to: number, botId = '7001') => send(other, botId, to),
    async close() {
      await telegram.close();
      await http.close();
    },
  };
}
function sharedCache(): () => Cache {
  const cache = memoryCache({ now: Date.now });
  return () => cache;
}
/** As Redis is when it cannot be reached: it counts alone and remembers nothing. */
function forgetfulCache(): Cache {
  return { ...memoryCache({ now: Date.now }), get: async () => null, set: async () => {} };
}

test('above a quota nothing goes out, and the refusal tells when it would', async () => {
  const { clock, went, send } = setup();
  await send('a');
  clock.ms += 400;
  await expect(send('a')).rejects.toMatchObject({
    code: 'resource_exhausted',
    reason: 'quota',
    retryAfterMs: 600,
    outcome: 'not_executed',
  });
  expect(went).toEqual(['a']);
  clock.ms += 600;
  await send('a');
  expect(went).toEqual(['a', 'a']);
});

test('all that share the cache share the quota', async () => {
  const { went, send, other } = setup();
  await send('a');
  await expect(send('a', other)).rejects.toMatchObject({ reason: 'quota' });
  await send('b', other);
  await send('c');
  await send('d', other);
  await expect(send('e', other)).rejects.toMatchObject({ reason: 'quota' });
  expect(went).toEqual(['a', 'b', 'c', 'd']);
});

test('a 429 of Telegram holds up all that the bot sends, in every process, until its retry_after is over', async () => {
  const { telegram, flood, one, other, close } = await floodable();
  flood(2);
  await expect(one(1)).rejects.toMatchObject({ code: 'resource_exhausted', retryAfterMs: 2_000 });
  const others = await Promise.allSettled(Array.from({ length: 20 }, (_, nth) => (nth % 2 === 0 ? one : other)(1 + (nth % 5))));
  const refusals = others.map((each) => (each.status === 'rejected' ? each.reason : null));
  expect(refusals.every((thrown) => thrown?.reason === 'quota' && thrown.outcome === 'not_executed')).toBe(true);
  // Whoever asked is told the time that is left, after which it goes.
  const waitMs = Math.max(...refusals.map((thrown) => thrown.retryAfterMs));
  expect(waitMs).toBeLessThanOrEqual(2_000);
  await one(1, '7002');
  await delay(waitMs);
  await Promise.all([other(2), one(3)]);
  expect(telegram.sent.map(({ chatId }) => chatId).sort()).toEqual([1, 2, 3]);
  expect(telegram.tooEarly()).toBe(0);
  await close();
});

test('a process remembers a 429 of its own also while the cache forgets', async () => {
  const { telegram, flood, one, close } = await floodable(forgetfulCache);
  flood(1, 1);
  await expect(one(1)).rejects.toMatchObject({ retryAfterMs: 1_000 });
  await expect(one(1)).rejects.toMatchObject({ reason: 'quota' });
  expect(telegram.tooEarly()).toBe(0);
  await close();
});

test('a bucket that a refusal does not concern stays open', async () => {
  const went: string[] = [];
  const sending: Sending = {
    deliver: {
      attempt: async ({ to }) => {
        if (to === 'a') throw new PolybError('resource_exhausted', 'one message in 6 s', { reason: 'pair_limited', retryAfterMs: 6_000 });
        went.push(to);
        return {};
      },
      onUnknown: review,
    },
    quotas: ({ to }) => [
      { bucket: `pair:${to}`, limit: 9, windowMs: 1_000 },
      { bucket: 'number', limit: 9, windowMs: 1_000, startsCooldown: (reason) => reason !== 'pair_limited' },
    ],
  };
  const cache = memoryCache({ now: Date.now });
  const { attempt } = withinQuotas(sending, quotasIn(cache, Date.now));
  const send = (to: string) => attempt({ to } as ParsedOf<typeof messages.deliver>, { ref: 'r', signal: AbortSignal.timeout(1_000) }); // what it reads
  await expect(send('a')).rejects.toMatchObject({ reason: 'pair_limited' });
  await expect(send('a')).rejects.toMatchObject({ reason: 'quota' });
  await send('b');
  expect(went).toEqual(['b']);
});

import { expect, test } from '@jest/globals';
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Notices } from '../../adapters/channel/port.ts';
import { createHttp } from '../../adapters/http.ts';
import { quotasIn } from '../../adapters/quota.ts';
import { botBucket, chatBucket } from '../../adapters/vendors/telegram/client.ts';
import { telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { telegramNotices } from '../../adapters/vendors/telegram/notices.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { rateLimitedNotices } from './rate-limited-notices.ts';

const token = '7001:AAAA-test';
const notice = { text: 'Отправить?', buttons: [] };
const signal = () => AbortSignal.timeout(10_000);

/** Two processes that share a cache, and one bot. */
async function setup() {
  const telegram = await telegramFake({ tokens: [token] });
  const http = createHttp({ allowPrivate: [telegram.url] });
  const bot = telegramNotices({ TELEGRAM_BOT_TOKENS: [token], TELEGRAM_API_ROOT: telegram.url }, { http });
  const cache = memoryCache({ now: Date.now });
  const cooldowns = () => quotasIn(cache, Date.now);
  return {
    telegram,
    cooldowns,
    desk: () => rateLimitedNotices(bot as Notices, cooldowns()), // there is a token
    async close() {
      await telegram.close();
      await http.close();
    },
  };
}

test('a bot that was told to wait shows, redraws and answers nothing, in any process', async () => {
  const { telegram, desk, close } = await setup();
  const [one, other] = [desk(), desk()];
  const posted = await one.post('-100', notice, signal());
  telegram.flood(token, 60);
  await expect(one.post('-100', notice, signal())).rejects.toMatchObject({ code: 'resource_exhausted', retryAfterMs: 60_000 });
  const asked = telegram.asked.length;
  const quota = { code: 'resource_exhausted', reason: 'quota', outcome: 'not_executed' };
  await expect(other.post('-200', notice, signal())).rejects.toMatchObject(quota);
  await expect(other.redraw(posted, notice, signal())).rejects.toMatchObject(quota);
  await expect(one.answer('press', { text: 'Одобрено', isAlert: false }, signal())).rejects.toMatchObject(quota);
  expect(telegram.asked).toHaveLength(asked);
  await close();
});

test('what a customer was to get and Telegram refused holds up the notices of the same bot', async () => {
  const { telegram, desk, cooldowns, close } = await setup();
  const buckets = [{ bucket: chatBucket('7001', '42') }, { bucket: botBucket('7001') }];
  const refused = new PolybError('resource_exhausted', 'too many requests', { retryAfterMs: 60_000 });
  await expect(cooldowns().withCooldown(buckets, () => Promise.reject(refused))).rejects.toBe(refused);
  await expect(desk().post('-100', notice, signal())).rejects.toMatchObject({ reason: 'quota' });
  expect(telegram.asked).toEqual([]);
  await close();
});

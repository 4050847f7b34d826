import { expect, test } from '@jest/globals';
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import { type ParsedOf, review } from '../../contracts/define.ts';
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
  const one = withinQuotas(sending, cache);
  const other = withinQuotas(sending, cache);
  const send = (to: string, effect = one) =>
    effect.attempt({ to, text: to } as ParsedOf<typeof messages.deliver>, { ref: 'r', signal: AbortSignal.timeout(1_000) }); // what it reads
  return { clock, went, send, other };
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

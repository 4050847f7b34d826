import { expect, test } from '@jest/globals';
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import { quotasIn } from '../../adapters/quota.ts';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { type ParsedOf, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { watched } from './watched.ts';
import { withinQuotas } from './within-quotas.ts';

test('health tells of a channel that fails, and not of a quota of our own', async () => {
  let failure: PolybError | undefined;
  const sending: Sending = {
    deliver: {
      attempt: async () => {
        if (failure !== undefined) throw failure;
        return {};
      },
      onUnknown: review,
    },
    quotas: () => [{ bucket: 'bot', limit: 2, windowMs: 600_000 }],
  };
  const health = createHealth(Date.now);
  const cache = memoryCache({ now: Date.now });
  const effect = withinQuotas(watched(sending, health.of('telegram:sending')), quotasIn(cache, Date.now));
  const send = () =>
    effect.attempt({ to: '42', text: 'да' } as ParsedOf<typeof messages.deliver>, { ref: 'r', signal: AbortSignal.timeout(1_000) }); // what it reads
  failure = new PolybError('upstream_failed', 'It broke.', { reason: 'cut_off' });
  await expect(send()).rejects.toBe(failure);
  expect(health.statuses()).toMatchObject([{ target: 'telegram:sending', failure: 'upstream_failed/cut_off' }]);
  failure = undefined;
  await send();
  await expect(send()).rejects.toMatchObject({ reason: 'quota' });
  expect(health.statuses()).toMatchObject([{ failure: null }]);
});

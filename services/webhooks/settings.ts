import { z } from 'zod';
import { durationMs, integer } from '../../config/settings.ts';

const hourMs = 3_600_000;

export const webhookSettings = z.object({
  WEBHOOKS_GIVE_UP_MS: durationMs({ min: 1_000, max: 168 * hourMs })
    .default(24 * hourMs)
    .describe('How long one delivery is retried before it becomes a dead letter and the next one starts.'),
  WEBHOOKS_DISABLE_MS: durationMs({ min: 1_000, max: 720 * hourMs })
    .default(48 * hourMs)
    .describe('How long deliveries may fail before the subscription is disabled.'),
  WEBHOOKS_EVENT_DAYS: integer({ min: 1, max: 365 }).default(14).describe('Days to keep events for repeated delivery.'),
});

import { z } from 'zod';
import { durationMs, integer } from '../../config/settings.ts';

export const intentSettings = z.object({
  INTENTS_LLM_TIMEOUT_MS: durationMs({ min: 500, max: 14_000 })
    .default(8_000)
    .describe('Time limit for a language model to classify one message; after it the local model decides.'),
  INTENTS_KEEP_DAYS: integer({ min: 1, max: 3650 }).default(730).describe('Days to keep classification results.'),
});

import { z } from 'zod';
import { durationMs } from '../../config/settings.ts';

export const asrSettings = z.object({
  ASR_WATCHDOG_MS: durationMs({ min: 200, max: 60_000 })
    .default(3_000)
    .describe(
      'An ear that returns nothing for speech or for a request for a final within this time is replaced by the next one of ASR_KIND.',
    ),
  ASR_RECORDING_MAX_MS: durationMs({ min: 1_000, max: 7_200_000 })
    .default(900_000)
    .describe('Maximum length of a recording; longer ones are refused.'),
});

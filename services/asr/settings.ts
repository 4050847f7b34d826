import { z } from 'zod';
import { durationMs } from '../../config/settings.ts';

export const asrSettings = z.object({
  ASR_RECORDING_MAX_MS: durationMs({ min: 1_000, max: 7_200_000 }).default(900_000).describe('Longer recordings are refused.'),
});

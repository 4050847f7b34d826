import { z } from 'zod';
import { voiceSettings } from '../../adapters/tts/settings.ts';
import { durationMs, integer, text } from '../../config/settings.ts';

export const speechSettings = z.object({
  ...voiceSettings,
  TTS_CACHE_DIR: text({ max: 500 })
    .default('.polyb/speech')
    .describe('Cache folder for speech, so that each text is synthesized once. Processes of one machine may share it.'),
  TTS_CACHE_MAX_BYTES: integer({ min: 0, max: 1_000_000_000_000 })
    .default(268_435_456)
    .describe(
      'Maximum size of the cache folder; the least recently used files are removed. 256 MB are about nine hours of speech. 0: no files.',
    ),
  TTS_CACHE_KEEP_MS: durationMs({ min: 60_000, max: 3_650 * 86_400_000 })
    .default(7 * 86_400_000)
    .describe('Speech unused for this time is removed from the cache. It can contain names, phones and appointments of customers.'),
});

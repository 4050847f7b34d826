import { durationMs } from '../../config/settings.ts';

/** Settings of every service that speaks. */
export const voiceSettings = {
  TTS_WATCHDOG_MS: durationMs({ min: 200, max: 60_000 })
    .default(3_000)
    .describe('A voice that is silent for this time, before or within a sentence, is replaced by the next one of TTS_KIND.'),
};

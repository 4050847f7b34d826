/** Ears by ASR_KIND. */
import type { z } from 'zod';
import { deepgramEar } from '../vendors/deepgram/asr.ts';
import { deepgramAsrSettings } from '../vendors/deepgram/settings.ts';
import { openAiEar } from '../vendors/openai/asr.ts';
import { openAiAsrSettings } from '../vendors/openai/audio-settings.ts';
import { yandexEar } from '../vendors/yandex/asr.ts';
import { yandexAsrSettings } from '../vendors/yandex/settings.ts';
import { yandexV1Ear } from '../vendors/yandex/v1-asr.ts';
import { phrasesEar, phrasesSettings } from './phrases/phrases.ts';
import type { Ear } from './port.ts';
import { russianAcousticEar, russianAcousticSettings } from './russian-acoustic/russian-acoustic.ts';

export const asrAdapters = {
  phrases: { settings: phrasesSettings, create: phrasesEar },
  'russian-acoustic': { settings: russianAcousticSettings, create: russianAcousticEar },
  deepgram: { settings: deepgramAsrSettings, create: deepgramEar },
  openai: { settings: openAiAsrSettings, create: openAiEar },
  yandex: { settings: yandexAsrSettings, create: (settings: z.output<typeof yandexAsrSettings>): Ear => yandexEar(settings) },
  'yandex-v1': { settings: yandexAsrSettings, create: yandexV1Ear },
} as const;

/** Voices by TTS_KIND. Each receives Russian texts in words. */
import { deepgramTtsSettings } from '../vendors/deepgram/settings.ts';
import { deepgramVoice } from '../vendors/deepgram/tts.ts';
import { openAiTtsSettings } from '../vendors/openai/audio-settings.ts';
import { openAiVoice } from '../vendors/openai/tts.ts';
import { yandexTtsSettings } from '../vendors/yandex/settings.ts';
import { yandexVoice } from '../vendors/yandex/tts.ts';
import { yandexV1Voice } from '../vendors/yandex/v1-tts.ts';
import { espeak, espeakSettings } from './espeak.ts';
import { festival, festivalSettings } from './festival.ts';
import { givenWords } from './in-words.ts';

export const ttsAdapters = {
  espeak: { settings: espeakSettings, create: givenWords(espeak) },
  festival: { settings: festivalSettings, create: givenWords(festival) },
  deepgram: { settings: deepgramTtsSettings, create: givenWords(deepgramVoice) },
  openai: { settings: openAiTtsSettings, create: givenWords(openAiVoice) },
  yandex: { settings: yandexTtsSettings, create: givenWords(yandexVoice) },
  'yandex-v1': { settings: yandexTtsSettings, create: givenWords(yandexV1Voice) },
} as const;

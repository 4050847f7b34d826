/** Voices by TTS_KIND. */
import { deepgramTtsSettings } from '../vendors/deepgram/settings.ts';
import { deepgramVoice } from '../vendors/deepgram/tts.ts';
import { espeak, espeakSettings } from './espeak.ts';

export const ttsAdapters = {
  espeak: { settings: espeakSettings, create: espeak },
  deepgram: { settings: deepgramTtsSettings, create: deepgramVoice },
} as const;

/** Voices by TTS_KIND. */
import { espeak, espeakSettings } from './espeak.ts';

export const ttsAdapters = { espeak: { settings: espeakSettings, create: espeak } } as const;

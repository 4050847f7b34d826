/** Ears by ASR_KIND. */
import { deepgramEar } from '../vendors/deepgram/asr.ts';
import { deepgramAsrSettings } from '../vendors/deepgram/settings.ts';
import { phrasesEar, phrasesSettings } from './phrases/phrases.ts';

export const asrAdapters = {
  phrases: { settings: phrasesSettings, create: phrasesEar },
  deepgram: { settings: deepgramAsrSettings, create: deepgramEar },
} as const;

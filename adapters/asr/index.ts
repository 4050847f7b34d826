/** Ears by ASR_KIND. */
import { phrasesEar, phrasesSettings } from './phrases/phrases.ts';

export const asrAdapters = { phrases: { settings: phrasesSettings, create: phrasesEar } } as const;

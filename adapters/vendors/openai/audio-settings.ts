import { z } from 'zod';
import { secret, text, url } from '../../../config/settings.ts';
import { providers } from './providers.ts';

const account = {
  OPENAI_API_KEY: secret().describe('API key for OpenAI, or for a self-hosted server with the same API.'),
  OPENAI_BASE_URL: url(['https', 'http']).default(providers.openai.baseUrl).describe('Base URL of the provider.'),
};
export const openAiAsrSettings = z.object({
  ...account,
  OPENAI_ASR_MODEL: text({ max: 100 }).default('gpt-4o-mini-transcribe').describe('Recognition model.'),
});
export const openAiTtsSettings = z.object({
  ...account,
  OPENAI_TTS_MODEL: text({ max: 100 }).default('gpt-4o-mini-tts').describe('Synthesis model.'),
});

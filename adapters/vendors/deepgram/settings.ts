import { z } from 'zod';
import { secret, text, url } from '../../../config/settings.ts';

const account = {
  DEEPGRAM_API_KEY: secret().describe('API key for Deepgram.'),
  DEEPGRAM_BASE_URL: url(['https', 'http'])
    .default('https://api.deepgram.com')
    .describe('Base URL of Deepgram, of its EU host https://api.eu.deepgram.com, or of a self-hosted server.'),
};
export const deepgramAsrSettings = z.object({
  ...account,
  DEEPGRAM_ASR_MODEL: text({ max: 100, like: /^[\w.-]+$/ })
    .default('nova-3')
    .describe('Recognition model. A name that begins with flux, such as flux-general-multi, selects the Flux protocol.'),
});
export const deepgramTtsSettings = z.object(account);
export type DeepgramAccount = Pick<z.output<typeof deepgramAsrSettings>, keyof typeof account>;

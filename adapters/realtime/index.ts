/** Speech models by their names in REALTIME_KIND; without one, no voice leaves this machine. */
import { z } from 'zod';
import { durationMs, secret, text, url } from '../../config/settings.ts';
import { openAiRealtime } from '../vendors/openai/realtime.ts';
import type { SpeechModel } from './port.ts';

const silentMs = () => durationMs({ min: 100, max: 60_000 }).default(8_000);
const silence = 'How long it may send nothing while it owes an answer, before the session is opened again.';

export const openAiRealtimeSettings = z.object({
  OPENAI_API_KEY: secret().describe('API key for OpenAI, or for a self-hosted server with the same API.'),
  OPENAI_REALTIME_MODEL: text({ max: 200 }).default('gpt-realtime-2.1').describe('Name of the speech model.'),
  OPENAI_REALTIME_URL: url(['wss', 'ws']).default('wss://api.openai.com/v1/realtime').describe('Address of the Realtime API.'),
  OPENAI_REALTIME_VOICE: text({ max: 64 }).default('marin').describe('Voice of the speech model.'),
  OPENAI_REALTIME_TRANSCRIPTION_MODEL: text({ max: 200 })
    .default('gpt-4o-mini-transcribe')
    .describe('The model that writes down what the customer says.'),
  OPENAI_REALTIME_SILENT_MS: silentMs().describe(silence),
});

export const realtimeAdapters = {
  openai: {
    settings: openAiRealtimeSettings,
    create: (given: z.output<typeof openAiRealtimeSettings>): SpeechModel =>
      openAiRealtime({
        ...{ apiKey: given.OPENAI_API_KEY, url: given.OPENAI_REALTIME_URL, model: given.OPENAI_REALTIME_MODEL },
        ...{ voice: given.OPENAI_REALTIME_VOICE, transcriptionModel: given.OPENAI_REALTIME_TRANSCRIPTION_MODEL },
        silentMs: given.OPENAI_REALTIME_SILENT_MS,
      }),
  },
} as const;

/** Speech models by their names in REALTIME_KIND; without one, no audio is sent to a speech model. */
import { z } from 'zod';
import { durationMs, integer, secret, text, url } from '../../config/settings.ts';
import type { Deps } from '../deps.ts';
import { openAiRealtime } from '../vendors/openai/realtime.ts';
import { openAiSipCalls } from '../vendors/openai/sip-calls.ts';
import { yandexRealtime } from '../vendors/yandex/realtime.ts';
import type { SpeechModel } from './port.ts';

const silentMs = () => durationMs({ min: 100, max: 60_000 }).default(8_000);
const silence = 'How long it may be silent while an answer is due before the session is reopened.';

const openAiRealtimeSettings = z.object({
  OPENAI_API_KEY: secret().describe('API key for OpenAI, or for a self-hosted server with the same API.'),
  OPENAI_REALTIME_MODEL: text({ max: 200 }).default('gpt-realtime-2.1').describe('Name of the speech model.'),
  OPENAI_REALTIME_URL: url(['wss', 'ws']).default('wss://api.openai.com/v1/realtime').describe('Address of the Realtime API.'),
  OPENAI_REALTIME_VOICE: text({ max: 64 }).default('marin').describe('Voice of the speech model.'),
  OPENAI_REALTIME_TRANSCRIPTION_MODEL: text({ max: 200 })
    .default('gpt-4o-mini-transcribe')
    .describe('The model that transcribes the customer.'),
  OPENAI_REALTIME_SILENT_MS: silentMs().describe(silence),
  OPENAI_LIVE_URL: url(['wss', 'ws']).default('wss://api.openai.com/v1/live').describe('Address of GPT-Live, for SIP calls.'),
  OPENAI_LIVE_MODEL: text({ max: 200 }).default('gpt-live-1').describe('The model for SIP calls announced by GPT-Live.'),
  OPENAI_LIVE_BACKEND_MODEL: text({ max: 200 }).default('gpt-5.6-terra').describe('The model that calls tools for GPT-Live.'),
  OPENAI_WEBHOOK_SECRET: secret()
    .optional()
    .describe('Secret of the webhook that announces SIP calls, whsec_…; without it the provider takes no calls.'),
});

const yandexRealtimeSettings = z.object({
  YANDEX_API_KEY: secret().describe('API key for Yandex Cloud: an API key of a service account, or an IAM token.'),
  YANDEX_FOLDER_ID: text({ max: 50, like: /^[a-z0-9]+$/, expected: 'a folder id, e.g. b1g0000000000000000' }).describe(
    'The folder to which requests are billed.',
  ),
  YANDEX_REALTIME_MODEL: text({ max: 200 }).default('speech-realtime-250923').describe('Name of the speech model.'),
  YANDEX_REALTIME_URL: url(['wss', 'ws']).default('wss://ai.api.cloud.yandex.net/v1/realtime').describe('Address of the Realtime API.'),
  YANDEX_REALTIME_VOICE: text({ max: 64 }).optional().describe('Voice of the speech model. Default: that of the provider.'),
  YANDEX_REALTIME_RATE_HZ: integer({ min: 8_000, max: 48_000 })
    .default(44_100)
    .describe('Sample rate of the audio; telephone audio is converted to it and back.'),
  YANDEX_REALTIME_SILENT_MS: silentMs().describe(silence),
});

export const realtimeAdapters = {
  openai: {
    settings: openAiRealtimeSettings,
    create(given: z.output<typeof openAiRealtimeSettings>, deps: Deps): SpeechModel {
      const options = {
        ...{ apiKey: given.OPENAI_API_KEY, url: given.OPENAI_REALTIME_URL, model: given.OPENAI_REALTIME_MODEL },
        ...{ voice: given.OPENAI_REALTIME_VOICE, transcriptionModel: given.OPENAI_REALTIME_TRANSCRIPTION_MODEL },
        silentMs: given.OPENAI_REALTIME_SILENT_MS,
      };
      const webhookSecret = given.OPENAI_WEBHOOK_SECRET;
      return {
        ...openAiRealtime(options),
        ...(webhookSecret === undefined
          ? {}
          : {
              sip: openAiSipCalls(
                {
                  ...{ ...options, webhookSecret, liveUrl: given.OPENAI_LIVE_URL },
                  ...{ liveModel: given.OPENAI_LIVE_MODEL, backendModel: given.OPENAI_LIVE_BACKEND_MODEL },
                },
                deps,
              ),
            }),
      };
    },
  },
  yandex: {
    settings: yandexRealtimeSettings,
    create: (given: z.output<typeof yandexRealtimeSettings>): SpeechModel =>
      yandexRealtime({
        ...{ apiKey: given.YANDEX_API_KEY, folderId: given.YANDEX_FOLDER_ID, url: given.YANDEX_REALTIME_URL },
        ...{ model: given.YANDEX_REALTIME_MODEL, voice: given.YANDEX_REALTIME_VOICE, rateHz: given.YANDEX_REALTIME_RATE_HZ },
        silentMs: given.YANDEX_REALTIME_SILENT_MS,
      }),
  },
} as const;

import { z } from 'zod';
import { origin, secret, text } from '../../../config/settings.ts';

const account = {
  YANDEX_SPEECHKIT_API_KEY: secret().describe('Yandex SpeechKit: an API key of a service account, or an IAM token.'),
  YANDEX_SPEECHKIT_FOLDER_ID: text({ max: 50, like: /^[a-z0-9]+$/, expected: 'a folder id, e.g. b1g0000000000000000' })
    .optional()
    .describe('The folder to which requests with an IAM token are billed; an API key already belongs to one.'),
};
export const yandexAsrSettings = z.object({
  ...account,
  YANDEX_SPEECHKIT_ASR_MODEL: text({ max: 60, like: /^[\w:.-]+$/ })
    .default('general')
    .describe('Recognition model: general, or general:rc for the next release.'),
  YANDEX_SPEECHKIT_ASR_URL: origin().default('https://stt.api.cloud.yandex.net').describe('Origin of speech recognition.'),
});
export const yandexTtsSettings = z.object({
  ...account,
  YANDEX_SPEECHKIT_TTS_URL: origin().default('https://tts.api.cloud.yandex.net').describe('Origin of speech synthesis.'),
});
export type YandexAccount = Pick<z.output<typeof yandexTtsSettings>, keyof typeof account>;

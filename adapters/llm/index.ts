/** Language models by their names in LLM_KIND; without one no message leaves this machine. */
import { z } from 'zod';
import { secret, text, url } from '../../config/settings.ts';
import type { Deps } from '../deps.ts';
import { openAi } from '../vendors/openai/llm.ts';
import { type Provider, providers } from '../vendors/openai/providers.ts';
import type { Llm } from './port.ts';

const key = (name: string) => secret().describe(`API key for ${name}.`);
const model = ({ model }: Provider) => text({ max: 200 }).default(model).describe('Name of the model.');
const address = ({ baseUrl }: Provider) => url(['https', 'http']).default(baseUrl).describe('Base URL of the provider.');

const openaiSettings = z.object({
  OPENAI_API_KEY: key('OpenAI, or for a self-hosted server with the same API'),
  OPENAI_MODEL: model(providers.openai),
  OPENAI_BASE_URL: address(providers.openai),
});
const deepseekSettings = z.object({
  DEEPSEEK_API_KEY: key('DeepSeek'),
  DEEPSEEK_MODEL: model(providers.deepseek),
  DEEPSEEK_BASE_URL: address(providers.deepseek),
});
const geminiSettings = z.object({
  GEMINI_API_KEY: key('Gemini'),
  GEMINI_MODEL: model(providers.gemini),
  GEMINI_BASE_URL: address(providers.gemini),
});
const yandexSettings = z.object({
  YANDEX_API_KEY: key('Yandex Cloud: an API key of a service account, or an IAM token'),
  YANDEX_FOLDER_ID: text({ max: 50, like: /^[a-z0-9]+$/, expected: 'a folder id, e.g. b1g0000000000000000' }).describe(
    'The folder to which requests are billed.',
  ),
  YANDEX_LLM_MODEL: model(providers.yandex),
  YANDEX_LLM_BASE_URL: address(providers.yandex),
});

export const llmAdapters = {
  openai: {
    settings: openaiSettings,
    create: (given: z.output<typeof openaiSettings>, deps: Deps): Llm =>
      openAi(
        {
          name: 'openai',
          provider: providers.openai,
          apiKey: given.OPENAI_API_KEY,
          baseUrl: given.OPENAI_BASE_URL,
          model: given.OPENAI_MODEL,
        },
        deps,
      ),
  },
  deepseek: {
    settings: deepseekSettings,
    create: (given: z.output<typeof deepseekSettings>, deps: Deps): Llm =>
      openAi(
        {
          name: 'deepseek',
          provider: providers.deepseek,
          apiKey: given.DEEPSEEK_API_KEY,
          baseUrl: given.DEEPSEEK_BASE_URL,
          model: given.DEEPSEEK_MODEL,
        },
        deps,
      ),
  },
  gemini: {
    settings: geminiSettings,
    create: (given: z.output<typeof geminiSettings>, deps: Deps): Llm =>
      openAi(
        {
          name: 'gemini',
          provider: providers.gemini,
          apiKey: given.GEMINI_API_KEY,
          baseUrl: given.GEMINI_BASE_URL,
          model: given.GEMINI_MODEL,
        },
        deps,
      ),
  },
  yandex: {
    settings: yandexSettings,
    create: (given: z.output<typeof yandexSettings>, deps: Deps): Llm =>
      openAi(
        {
          name: 'yandex',
          provider: providers.yandex,
          apiKey: given.YANDEX_API_KEY,
          baseUrl: given.YANDEX_LLM_BASE_URL,
          model: `gpt://${given.YANDEX_FOLDER_ID}/${given.YANDEX_LLM_MODEL}`,
          project: given.YANDEX_FOLDER_ID,
        },
        deps,
      ),
  },
};

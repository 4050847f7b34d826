/** Features of each provider with an OpenAI-compatible API. */

/** A way to get an answer of a given shape, most reliable first. */
export type Rung = 'json_schema' | 'json_object' | 'tool';
export interface Provider {
  readonly baseUrl: string;
  readonly model: string;
  readonly rungs: readonly Rung[];
  /**
   * The field that limits the length of an answer; OpenAI's newer models refuse the older name, other providers do not know the newer
   * one.
   */
  readonly bound: 'max_tokens' | 'max_completion_tokens';
  /** The form of the key in the header Authorization. */
  readonly authorization: (apiKey: string) => string;
  /** Fields of every request. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Fields that the first tool call of an answer of another model needs. */
  readonly foreignCall?: (model: string) => Readonly<Record<string, unknown>> | undefined;
}
const bearer = (apiKey: string) => `Bearer ${apiKey}`;

export const providers = {
  openai: {
    baseUrl: 'https://api.openai.com/v1',
    model: 'gpt-4.1-mini',
    rungs: ['json_schema', 'json_object', 'tool'],
    bound: 'max_completion_tokens',
    authorization: bearer,
  },
  // Its chat completions reply 400 to json_schema: «This response_format type is unavailable now». It thinks by default, and then
  // refuses the result of a tool call without the thoughts: api-docs.deepseek.com, Thinking Mode.
  deepseek: {
    baseUrl: 'https://api.deepseek.com',
    model: 'deepseek-v4-flash',
    rungs: ['json_object', 'tool'],
    bound: 'max_tokens',
    authorization: bearer,
    body: { thinking: { type: 'disabled' } },
  },
  // Gemini 3 refuses a tool call without its signature; this one marks a call of another model: ai.google.dev, Thought signatures, FAQ.
  gemini: {
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    model: 'gemini-2.5-flash-lite',
    rungs: ['json_schema', 'json_object', 'tool'],
    bound: 'max_tokens',
    authorization: bearer,
    foreignCall: (model) =>
      /gemini-(?:[3-9]|\d\d)/.test(model)
        ? { extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } } }
        : undefined,
  },
  // A key of a service account is an Api-Key, an IAM token (it begins with t1.) is a bearer; the lite model calls no tools.
  yandex: {
    baseUrl: 'https://ai.api.cloud.yandex.net/v1',
    model: 'yandexgpt-lite/latest',
    rungs: ['json_schema', 'json_object'],
    bound: 'max_tokens',
    authorization: (apiKey) => (apiKey.startsWith('t1.') ? bearer(apiKey) : `Api-Key ${apiKey}`),
  },
} as const satisfies Record<string, Provider>;

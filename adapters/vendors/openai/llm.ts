/**
 * Any provider with OpenAI's chat completions. An answer of the requested shape is obtained in the most reliable way that the provider
 * supports, then the next: `json_schema`, `json_object` with the schema in the prompt and one repair, a forced tool call.
 */
import type OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { z } from 'zod';
import { PolybError, toPolybError } from '../../../contracts/kit/errors.ts';
import { genAiDuration, genAiTokens } from '../../../contracts/metrics.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import type { AskingLlm, LlmAnswer, LlmRequest } from '../../llm/port.ts';
import type { Provider, Rung } from './providers.ts';

export interface OpenAiOptions {
  /** The provider's name in the settings. */
  readonly name: string;
  readonly provider: Provider;
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly model: string;
  /** Yandex: the folder, as the header OpenAI-Project. */
  readonly project?: string | undefined;
}

const maxOutputTokens = 500;

/** The fields that are read; others differ between providers. */
const Completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          tool_calls: z.array(z.object({ function: z.object({ arguments: z.string() }).optional() })).nullish(),
        }),
      }),
    )
    .min(1),
  usage: z
    .object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
    .nullish()
    .catch(null),
});
type Completion = z.output<typeof Completion>;

export function openAi(options: OpenAiOptions, { http, now, metrics }: Pick<Deps, 'http' | 'now' | 'metrics'>): AskingLlm {
  const { name, provider, model } = options;
  const labels = { gen_ai_operation_name: 'chat', gen_ai_provider_name: name, gen_ai_request_model: model };
  /** Ways that the provider does not support. */
  const refused = new Set<Rung>();

  return {
    name: `${name}/${model}`,
    async ask<T>(request: LlmRequest<T>): Promise<LlmAnswer<T>> {
      const endsAt = now() + request.timeoutMs;
      const spent = { inputTokens: 0, outputTokens: 0, requests: 0 };
      const complete = async (body: Omit<ChatCompletionCreateParamsNonStreaming, 'model'>): Promise<Completion> => {
        spent.requests += 1;
        const began = performance.now();
        const ended = (error_type: string): void =>
          metrics.observe(genAiDuration, { ...labels, error_type }, (performance.now() - began) / 1000);
        try {
          const bounded = { ...body, model, [provider.bound]: maxOutputTokens };
          const completion = await completionOf(options, bounded, request, endsAt - now(), http);
          ended('');
          const { prompt_tokens: input = 0, completion_tokens: output = 0 } = completion.usage ?? {};
          metrics.observe(genAiTokens, { ...labels, gen_ai_token_type: 'input' }, input);
          metrics.observe(genAiTokens, { ...labels, gen_ai_token_type: 'output' }, output);
          spent.inputTokens += input;
          spent.outputTokens += output;
          return completion;
        } catch (error) {
          ended(toPolybError(error).code);
          throw error;
        }
      };
      let why = '';
      const refusedNow: Rung[] = [];
      for (const rung of provider.rungs.filter((each) => !refused.has(each))) {
        try {
          const tried = await climb[rung](request, complete);
          if (tried.success) {
            // The request was valid, so the provider refused the way.
            for (const each of refusedNow) refused.add(each);
            return { value: tried.data, ...spent };
          }
          why = tried.why;
        } catch (error) {
          if (!isFormatRefused(error)) throw error;
          refusedNow.push(rung);
          why = `it refuses ${rung}`;
        }
      }
      throw new PolybError('upstream_failed', `${name} returned no answer of the expected shape: ${why}.`, {
        reason: 'bad_reply',
      });
    },
  };
}

type Complete = (body: Omit<ChatCompletionCreateParamsNonStreaming, 'model'>) => Promise<Completion>;
type AnswerResult<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly why: string; readonly given: string };

const climb: { readonly [R in Rung]: <T>(request: LlmRequest<T>, complete: Complete) => Promise<AnswerResult<T>> } = {
  async json_schema(request, complete) {
    const { name, schema } = request;
    const completion = await complete({
      messages: messagesOf(request),
      response_format: { type: 'json_schema', json_schema: { name, strict: true, schema: jsonSchema(schema) } },
    });
    return fitting(contentOf(completion), schema);
  },
  async json_object(request, complete) {
    const messages = messagesOf(
      request,
      `Answer with one JSON object that fits this JSON Schema:\n${JSON.stringify(jsonSchema(request.schema))}`,
    );
    const ask = async (more: readonly ChatCompletionMessageParam[]) =>
      fitting(contentOf(await complete({ messages: [...messages, ...more], response_format: { type: 'json_object' } })), request.schema);
    const first = await ask([]);
    if (first.success) return first;
    return ask([
      { role: 'assistant', content: first.given.slice(0, 2000) || '(nothing)' },
      { role: 'user', content: `That does not fit the schema: ${first.why}. Answer with the right JSON object and nothing else.` },
    ]);
  },
  async tool(request, complete) {
    const { name, schema } = request;
    const completion = await complete({
      messages: messagesOf(request),
      tools: [{ type: 'function', function: { name, description: 'Takes the answer.', parameters: jsonSchema(schema) } }],
      tool_choice: { type: 'function', function: { name } },
    });
    const [called] = messageOf(completion).tool_calls ?? [];
    return fitting(called?.function?.arguments ?? '', schema);
  },
};

function messagesOf({ task, text }: LlmRequest<unknown>, more = ''): ChatCompletionMessageParam[] {
  return [
    { role: 'system', content: [task, more].filter((part) => part !== '').join('\n\n') },
    { role: 'user', content: text },
  ];
}

function messageOf({ choices: [choice] }: Completion): Partial<Completion['choices'][0]['message']> {
  if (choice?.finish_reason === 'content_filter' || choice?.message.refusal)
    throw new PolybError('failed_precondition', 'The language model refused to answer.', { reason: 'llm_refused' });
  return choice?.message ?? {};
}
const contentOf = (completion: Completion) => messageOf(completion).content ?? '';

function fitting<T>(given: string, schema: z.ZodType<T>): AnswerResult<T> {
  const bare = given.trim().replace(/^```(?:json)?\s*|\s*```$/g, '');
  const parsed = z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema)
    .safeParse(bare);
  if (parsed.success) return { success: true, data: parsed.data };
  const why = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')} ${message}`.trim());
  return { success: false, why: why.join('; '), given };
}

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}

/** One request through the guarded client: the library only builds and parses bodies, without waiting or retrying. */
async function completionOf(
  { apiKey, baseUrl, project, provider }: OpenAiOptions,
  body: ChatCompletionCreateParamsNonStreaming,
  { ref, signal }: LlmRequest<unknown>,
  timeoutMs: number,
  http: Deps['http'],
): Promise<Completion> {
  if (timeoutMs <= 0) throw new PolybError('deadline_exceeded', 'The language model gave no usable answer in time.');
  const { default: Client } = await import('openai');
  let failed: unknown;
  const guarded: NonNullable<ConstructorParameters<typeof OpenAI>[0]>['fetch'] = async (url, init) => {
    try {
      const answer = await http({
        method: 'POST',
        url: String(url),
        operation: 'chat',
        headers: Object.fromEntries(new Headers(init?.headers).entries()),
        body: String(init?.body),
        signal,
        timeoutMs,
      });
      if (answer.status < 200 || answer.status > 299) throw failureOf(answer);
      return new Response(answer.text(), { status: answer.status, headers: { 'content-type': 'application/json' } });
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  const client = new Client({
    apiKey,
    baseURL: baseUrl,
    organization: null,
    project: project ?? null,
    maxRetries: 0,
    timeout: timeoutMs + 1000, // The deadline of this request comes first.
    fetch: guarded,
    logLevel: 'off',
    defaultHeaders: { Authorization: provider.authorization(apiKey), ...(ref === undefined ? {} : { 'X-Client-Request-Id': ref }) },
  });
  try {
    return Completion.parse(await client.chat.completions.create(body));
  } catch (error) {
    if (failed !== undefined) throw failed;
    throw new PolybError('upstream_failed', 'The reply of the language model cannot be read.', { reason: 'bad_reply', cause: error });
  }
}

/** By the HTTP status, for any body: providers differ in it (Gemini returns an array). */
function failureOf(answer: HttpAnswer): PolybError {
  if (answer.status === 402 || (answer.status === 429 && answer.text().includes('insufficient_quota')))
    return new PolybError('failed_precondition', 'The account at the language model provider is empty; top it up.', { reason: 'quota' });
  return httpFailure(answer, 'The language model', formatRefused);
}
/** The reason of a plain refusal. */
const formatRefused = 'llm_request_refused';
const isFormatRefused = (error: unknown) => error instanceof PolybError && error.reason === formatRefused;

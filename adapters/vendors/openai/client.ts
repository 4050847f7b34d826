/**
 * Requests for chat completions through the guarded HTTP client. The library builds requests and parses replies and streams; it neither
 * waits nor retries.
 */
import type OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import type { z } from 'zod';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer, HttpRequest } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import type { Provider } from './providers.ts';

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
export const nameOf = ({ name, model }: OpenAiOptions): string => `${name}/${model}`;
export type ChatBody = Omit<ChatCompletionCreateParamsNonStreaming, 'model' | 'stream'>;
export interface ChatAt {
  /** Bound of the answer, in tokens. */
  readonly maxOutputTokens: number;
  readonly ref?: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
export interface ChatClient {
  complete(body: ChatBody, at: ChatAt): Promise<unknown>;
  /** The chunks of a completion. Leaving the iteration ends the request. */
  stream(body: ChatBody, at: ChatAt): AsyncIterable<unknown>;
}

/** A chunk has about 300 bytes for every four letters of the answer. */
const streamBytes = 8_000_000;

export function chatClient(
  { apiKey, baseUrl, model, project, provider }: OpenAiOptions,
  { http, httpStream }: Pick<Deps, 'http' | 'httpStream'>,
): ChatClient {
  const bodyOf = (body: ChatBody, { maxOutputTokens }: ChatAt) => ({ ...body, ...provider.body, model, [provider.bound]: maxOutputTokens });
  const connect = async ({ ref, timeoutMs, signal }: ChatAt, send: (request: HttpRequest) => Promise<Response>) => {
    if (timeoutMs <= 0) throw new PolybError('deadline_exceeded', 'The language model gave no usable answer in time.');
    const { default: Client } = await import('openai');
    let failed: unknown;
    const guarded: NonNullable<ConstructorParameters<typeof OpenAI>[0]>['fetch'] = async (url, init) => {
      try {
        const headers = Object.fromEntries(new Headers(init?.headers).entries());
        return await send({ method: 'POST', url: String(url), operation: 'chat', headers, body: String(init?.body), signal, timeoutMs });
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
    const failureOf = (error: unknown): unknown => {
      if (failed !== undefined) return failed;
      if (isPolybError(error)) return error;
      return error instanceof Client.APIError && error.error !== undefined ? reported(JSON.stringify(error.error)) : unreadable(error);
    };
    return { chat: client.chat.completions, failureOf };
  };
  return {
    async complete(body, at) {
      const { chat, failureOf } = await connect(at, async (request) => {
        const answer = await http(request);
        if (answer.status < 200 || answer.status > 299) throw refusalOf(answer);
        return new Response(answer.text(), { status: answer.status, headers: { 'content-type': 'application/json' } });
      });
      try {
        return await chat.create(bodyOf(body, at));
      } catch (error) {
        throw failureOf(error);
      }
    },
    async *stream(body, at) {
      let chunks: AsyncIterator<Uint8Array> | undefined;
      let isComplete = false;
      const { chat, failureOf } = await connect(at, async (request) => {
        const answer = await httpStream({ ...request, maxBytes: streamBytes });
        if (!('chunks' in answer)) throw refusalOf(answer);
        chunks = answer.chunks[Symbol.asyncIterator]();
        return new Response(readable(chunks), { status: answer.status });
      });
      try {
        yield* await chat.create({ ...bodyOf(body, at), stream: true, stream_options: { include_usage: true } });
        isComplete = true;
      } catch (error) {
        throw failureOf(error);
      } finally {
        // The library stops at [DONE]; a reply that is read to its end leaves its connection to the next request.
        if (isComplete && chunks) void drain(chunks);
        else await chunks?.return?.();
      }
    },
  };
}

/** Never reads ahead, so that a reader that leaves waits for nothing. */
function readable(chunks: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}
async function drain(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while (!(await chunks.next()).done);
  } catch {
    // The answer was complete before.
  }
}

/** @throws PolybError upstream_failed/bad_reply */
export function readAs<S extends z.ZodType>(schema: S, received: unknown): z.output<S> {
  const parsed = schema.safeParse(received);
  if (!parsed.success) throw unreadable(parsed.error);
  return parsed.data;
}
export function badReply(text: string, cause?: unknown): PolybError {
  return new PolybError('upstream_failed', text, { reason: 'bad_reply', cause });
}
const unreadable = (cause: unknown): PolybError => badReply('The reply of the language model cannot be read.', cause);

export const refused = (): PolybError =>
  new PolybError('failed_precondition', 'The language model refused to answer.', { reason: 'llm_refused' });
const noQuota = (): PolybError =>
  new PolybError('failed_precondition', 'The account at the language model provider is empty; top it up.', { reason: 'quota' });

/** By the HTTP status and known words, for any body: providers differ in it (Gemini returns an array). */
function refusalOf(answer: HttpAnswer): PolybError {
  const { status } = answer;
  const body = answer.text();
  if (status === 402 || (status === 429 && body.includes('insufficient_quota'))) return noQuota();
  // Gemini replies 400 to a wrong key.
  if (status === 400 && body.includes('API_KEY_INVALID'))
    return new PolybError('failed_precondition', 'The language model rejects the key; check the credentials in the settings.', {
      reason: 'upstream_credentials',
    });
  // DeepSeek's and OpenAI's filters of the request.
  if (status === 400 && /Content Exists Risk|content_policy_violation|"content_filter"/.test(body)) return refused();
  // Gemini names the pause in the body alone: google.rpc.RetryInfo.
  const pause = /"retryDelay":\s*"(\d+)(?:\.\d+)?s"/.exec(body)?.[1];
  const headers = pause === undefined ? answer.headers : { 'retry-after': pause, ...answer.headers };
  return httpFailure({ ...answer, headers }, 'The language model', formatRefused);
}
/** An error that arrives inside a stream, after the status 200. */
function reported(error: string): PolybError {
  if (error.includes('insufficient_quota')) return noQuota();
  if (/rate_limit|"code":429|RESOURCE_EXHAUSTED/.test(error))
    return new PolybError('resource_exhausted', 'The language model: too many requests; try later.');
  return new PolybError('upstream_failed', 'The language model broke off its answer with an error.', { reason: 'upstream_status' });
}
/** The reason of a plain refusal of the request. */
const formatRefused = 'llm_request_refused';
export const isFormatRefused = (error: unknown): boolean => isPolybError(error) && error.reason === formatRefused;

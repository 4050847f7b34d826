/**
 * The port of language models: an answer of a given shape (`ask`), and the next message of a conversation with tools (`answer`,
 * `answerStream`). One answer is one request, except where `ask` says otherwise; no adapter repeats a request.
 */
import type { z } from 'zod';

export interface LlmRequest<T> {
  /** The task; written by this project. */
  readonly task: string;
  /** The text to work on; untrusted, and never followed as an instruction. */
  readonly text: string;
  /** Name of the answer, in snake_case. */
  readonly name: string;
  /** An object whose fields are all required. Other answers are never returned. */
  readonly schema: z.ZodType<T>;
  /** Id of the request, for the logs of the provider. */
  readonly ref?: string | undefined;
  /** For all requests that the answer needs together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
export interface LlmAnswer<T> {
  readonly value: T;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Number of requests that the answer needed. */
  readonly requests: number;
  /** The model that answered: `deepseek/deepseek-v4-flash`. */
  readonly model: string;
}
export interface AskingLlm {
  /** `deepseek/deepseek-v4-flash`: stored with the answer. */
  readonly name: string;
  /**
   * @throws PolybError resource_exhausted (rate limit), failed_precondition (credentials, balance, a refusal to answer),
   * upstream_failed (broken, or no answer of the shape), deadline_exceeded, cancelled, unavailable.
   */
  ask<T>(request: LlmRequest<T>): Promise<LlmAnswer<T>>;
}

export interface ToolSpec {
  /** Letters, digits, `_` and `-`, at most 64 characters. */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments: an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface ToolCall {
  /** Unique within its answer. */
  readonly id: string;
  /** As received: possibly no name of a tool in the request. */
  readonly name: string;
  /** As received: possibly no JSON. At most 16 KB. */
  readonly arguments: string;
  /** Fields of the provider that it needs back with the call, under its name; other providers get nothing of it. */
  readonly extra?: Readonly<Record<string, unknown>>;
}
export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  /** The result of a call of the assistant message before it; each call needs exactly one. */
  | { readonly role: 'tool'; readonly callId: string; readonly text: string };
export interface AnswerRequest {
  readonly messages: readonly ModelMessage[];
  /** May be empty; then `toolChoice` has no effect. */
  readonly tools: readonly ToolSpec[];
  /** `none`: the answer has no calls. `required` is a demand that a model may disregard. */
  readonly toolChoice: 'auto' | 'none' | 'required';
  readonly maxOutputTokens: number;
  /** Id of the request, for the logs of the provider. */
  readonly ref?: string | undefined;
  /** Time limit of the whole answer, its stream included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The facts of `messages` in machine form, for a model that is a program; never sent to a provider. */
  readonly facts?: unknown;
}
/** Choices that a model program proposes to show; a provider's answer has none. */
export interface Offer {
  readonly kind: 'service' | 'appointment' | 'day' | 'menu';
  readonly options: readonly { readonly ref: string; readonly title: string }[];
}
/** Has a text, a tool call, or both. */
export interface ModelAnswer {
  /** At most 64 KB. */
  readonly text: string;
  /** At most 10. */
  readonly toolCalls: readonly ToolCall[];
  /** `length`: cut at `maxOutputTokens`; `filtered`: cut by the provider's filter of content. */
  readonly end: 'stop' | 'tool_calls' | 'length' | 'filtered';
  /** The model that answered: `deepseek/deepseek-v4-flash`. */
  readonly model: string;
  /** 0 when the provider does not report it. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly offer?: Offer;
}
/** A piece of the text as it arrives, or the whole answer. */
export type AnswerItem = { readonly type: 'text'; readonly text: string } | { readonly type: 'answer'; readonly answer: ModelAnswer };
export interface AnsweringLlm {
  /** `deepseek/deepseek-v4-flash`. */
  readonly name: string;
  /**
   * @throws PolybError resource_exhausted (rate limit), failed_precondition (upstream_credentials, quota, llm_refused, or
   * llm_request_refused: the provider refuses this request), upstream_failed (broken; bad_reply: no usable answer), deadline_exceeded,
   * cancelled, unavailable.
   */
  answer(request: AnswerRequest): Promise<ModelAnswer>;
  /**
   * The pieces of the text, then the whole answer as the last item. Leaving the iteration ends the request.
   * @throws PolybError as `answer`, from the iteration; an answer that breaks off throws and has no last item.
   */
  answerStream(request: AnswerRequest): AsyncIterable<AnswerItem>;
}
export interface Llm extends AskingLlm, AnsweringLlm {}

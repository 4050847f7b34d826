/** The port of language models: an answer of a given shape, within a given time. */
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
}
export interface Llm {
  /** `deepseek/deepseek-v4-flash`: stored with the answer. */
  readonly name: string;
  /**
   * @throws PolybError resource_exhausted (rate limit), failed_precondition (credentials, balance, a refusal to answer),
   * upstream_failed (broken, or no answer of the shape), deadline_exceeded, cancelled, unavailable.
   */
  ask<T>(request: LlmRequest<T>): Promise<LlmAnswer<T>>;
}

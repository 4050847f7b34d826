/** What services need of a language model: an answer of a given shape, within a given time. */
import type { z } from 'zod';

export interface LlmRequest<T> {
  /** What to do; written by us. */
  readonly task: string;
  /** What to do it with; written by whoever, and never taken for an order. */
  readonly text: string;
  /** Names the answer, in snake_case. */
  readonly name: string;
  /** An object whose fields are all required. What does not fit it never comes back. */
  readonly schema: z.ZodType<T>;
  /** Our id of the request, for the provider's logs. */
  readonly ref?: string | undefined;
  /** For all requests that the answer takes together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
export interface LlmAnswer<T> {
  readonly value: T;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** How many requests it took. */
  readonly requests: number;
}
export interface Llm {
  /** `deepseek/deepseek-v4-flash`: stored beside what it said. */
  readonly name: string;
  /** @throws PolybError resource_exhausted (too much at once), failed_precondition (credentials, balance, a refusal to answer),
   *  upstream_failed (broken, or no answer of the shape), deadline_exceeded, cancelled, unavailable. */
  ask<T>(request: LlmRequest<T>): Promise<LlmAnswer<T>>;
}

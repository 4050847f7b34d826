/** Any provider with OpenAI's chat completions. */
import type { z } from 'zod';
import { toPolybError } from '../../../contracts/kit/errors.ts';
import { genAiDuration, genAiTokens } from '../../../contracts/metrics.ts';
import type { Deps } from '../../deps.ts';
import type { Llm, LlmAnswer, LlmRequest } from '../../llm/port.ts';
import { answerBody, answerOf } from './answer.ts';
import { askInTurn, Completion } from './ask.ts';
import { type ChatAt, type ChatBody, chatClient, nameOf, type OpenAiOptions, readAs } from './client.ts';
import { Chunk, joinPieces, type Usage, WholeCompletion } from './pieces.ts';
import type { Rung } from './providers.ts';

/** Bound of an answer of a given shape. */
const maxOutputTokens = 500;

export function openAi(options: OpenAiOptions, { metrics, now, ...clients }: Pick<Deps, 'http' | 'httpStream' | 'now' | 'metrics'>): Llm {
  const { name, provider, model } = options;
  const chat = chatClient(options, clients);
  const own = nameOf(options);
  const labels = { gen_ai_operation_name: 'chat', gen_ai_provider_name: name, gen_ai_request_model: model };
  /** Ways that the provider does not support. */
  const unsupported = new Set<Rung>();

  /** Measures one request until the returned function gets its outcome. */
  function measure(): (errorType: string, usage?: Usage) => void {
    const began = performance.now();
    return (error_type, usage) => {
      metrics.observe(genAiDuration, { ...labels, error_type }, (performance.now() - began) / 1000);
      if (!usage) return;
      metrics.observe(genAiTokens, { ...labels, gen_ai_token_type: 'input' }, usage.prompt_tokens);
      metrics.observe(genAiTokens, { ...labels, gen_ai_token_type: 'output' }, usage.completion_tokens);
    };
  }
  async function complete<S extends z.ZodType<{ readonly usage?: Usage }>>(schema: S, body: ChatBody, at: ChatAt): Promise<z.output<S>> {
    const ended = measure();
    try {
      const completion = readAs(schema, await chat.complete(body, at));
      ended('', completion.usage);
      return completion;
    } catch (error) {
      ended(toPolybError(error).code);
      throw error;
    }
  }

  return {
    name: own,
    async ask<T>(request: LlmRequest<T>): Promise<LlmAnswer<T>> {
      const endsAt = now() + request.timeoutMs;
      const spent = { inputTokens: 0, outputTokens: 0, requests: 0 };
      const value = await askInTurn(request, provider.rungs, unsupported, async (body) => {
        spent.requests += 1;
        const { signal, ref } = request;
        const completion = await complete(Completion, body, { maxOutputTokens, timeoutMs: endsAt - now(), signal, ref });
        spent.inputTokens += completion.usage?.prompt_tokens ?? 0;
        spent.outputTokens += completion.usage?.completion_tokens ?? 0;
        return completion;
      });
      return { value, ...spent, model: own };
    },
    async answer(request) {
      const { joined, add } = joinPieces();
      add(await complete(WholeCompletion, answerBody(request, options), request));
      return answerOf(joined, request, options);
    },
    async *answerStream(request) {
      const { joined, add } = joinPieces();
      const ended = measure();
      let outcome = 'cancelled'; // The caller leaves.
      try {
        for await (const chunk of chat.stream(answerBody(request, options), request)) {
          const text = add(readAs(Chunk, chunk));
          if (text !== '') yield { type: 'text', text };
        }
        outcome = '';
      } catch (error) {
        outcome = toPolybError(error).code;
        throw error;
      } finally {
        ended(outcome, joined.usage);
      }
      yield { type: 'answer', answer: answerOf(joined, request, options) };
    },
  };
}

/** Asks the model, once for each step of a turn: the journal keeps the answer. */
import { storable } from '../../adapters/channel/port.ts';
import type { AnswerItem, AnsweringLlm, AnswerRequest, ModelAnswer } from '../../adapters/llm/port.ts';
import type { Handler } from '../../bus/service.ts';
import type { dialog } from '../../contracts/dialog.ts';
import type { EagerAnswers } from './eager.ts';
import type { TurnRequest } from './turn.ts';

/** Time for the reply and the journal, taken from the deadline of the model. */
const marginMs = 1_000;

/** @param heardBy receives the text of an answer as it arrives, if a stream of this process waits for it */
export function nextAnswer(
  llm: AnsweringLlm,
  heardBy: (turnId: string) => ((text: string) => void) | undefined,
  eager: Pick<EagerAnswers, 'take'>,
): Handler<typeof dialog.next_answer> {
  return async ({ turnId, step, seen, request }, { signal, deadlineAt }) => {
    const began = performance.now();
    const asked: AnswerRequest = {
      ...(request as unknown as TurnRequest),
      ref: `${turnId}:${step}`,
      timeoutMs: Math.max(1_000, deadlineAt - Date.now() - marginMs),
      signal,
    };
    const hear = heardBy(turnId);
    const early = eager.take(turnId, asked);
    const isWhole = early === null && hear === undefined;
    const answer = isWhole ? await llm.answer(asked) : await streamed(early ?? llm.answerStream(asked), hear ?? (() => {}));
    const { text, toolCalls, end, model, inputTokens, outputTokens, offer } = answer;
    return {
      seen,
      answer: {
        ...{ text: storable(text), end, model, inputTokens, outputTokens },
        toolCalls: toolCalls.map(({ id, name, arguments: args, extra }) => ({
          ...{ id: storable(id), name: storable(name), arguments: storable(args) },
          ...(extra === undefined ? {} : { extra }),
        })),
        ...(offer === undefined ? {} : { offer }),
      },
      ms: Math.round(performance.now() - began),
    };
  };
}
async function streamed(items: AsyncIterable<AnswerItem>, hear: (text: string) => void): Promise<ModelAnswer> {
  for await (const item of items) {
    if (item.type === 'answer') return item.answer;
    hear(item.text);
  }
  throw new TypeError('the stream of the model ended without its answer'); // The port forbids it.
}

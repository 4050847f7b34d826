/** The scripted agent as a model of conversations: it needs no key, no network and no settings, and says only what its phrases hold. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { AnsweringLlm, AnswerRequest, ModelAnswer } from '../port.ts';
import { nextStep } from './agent.ts';
import { conversationOf } from './conversation.ts';

export function scripted(): AnsweringLlm {
  const name = 'scripted/receptionist';
  const answer = async (request: AnswerRequest): Promise<ModelAnswer> => {
    if (request.signal.aborted) throw new PolybError('cancelled', 'The caller left.');
    const conversation = conversationOf(request);
    const { text, call, offer } = nextStep(conversation);
    const toolCalls = call ? [{ id: `call_${conversation.calls + 1}`, name: call.name, arguments: JSON.stringify(call.arguments) }] : [];
    const end = call ? 'tool_calls' : 'stop';
    return { text, toolCalls, end, model: name, inputTokens: 0, outputTokens: 0, ...(offer && { offer }) };
  };
  return {
    name,
    answer,
    async *answerStream(request) {
      const whole = await answer(request);
      if (whole.text !== '') yield { type: 'text', text: whole.text };
      yield { type: 'answer', answer: whole };
    },
  };
}

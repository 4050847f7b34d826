/** The next message of a conversation: what is sent for it, and what a reply is worth. */
import type { ChatCompletionMessageFunctionToolCall, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { AnswerRequest, ModelAnswer, ModelMessage, ToolCall } from '../../llm/port.ts';
import { badReply, type ChatBody, nameOf, type OpenAiOptions, refused } from './client.ts';
import type { Joined, JoinedCall } from './pieces.ts';

export function answerBody({ messages, tools, toolChoice }: AnswerRequest, options: OpenAiOptions): ChatBody {
  return {
    messages: messages.map((message) => messageOf(message, options)),
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, parameters }) => ({
        type: 'function' as const,
        function: { name, description, parameters: { ...parameters } },
      })),
      tool_choice: toolChoice,
    }),
  };
}
function messageOf(message: ModelMessage, options: OpenAiOptions): ChatCompletionMessageParam {
  switch (message.role) {
    case 'tool':
      return { role: 'tool', tool_call_id: message.callId, content: message.text };
    case 'assistant': {
      const { text, toolCalls = [] } = message;
      if (toolCalls.length === 0) return { role: 'assistant', content: text };
      return { role: 'assistant', content: text === '' ? null : text, tool_calls: callsOf(toolCalls, options) };
    }
    default:
      return { role: message.role, content: message.text };
  }
}
/** Other providers refuse fields that they do not know, so each gets only its own. */
function callsOf(calls: readonly ToolCall[], { name, model, provider }: OpenAiOptions): ChatCompletionMessageFunctionToolCall[] {
  const isForeign = calls.every(({ extra }) => extra?.[name] === undefined);
  return calls.map(({ id, name: tool, arguments: given, extra }, place) => ({
    ...(isForeign && place === 0 && provider.foreignCall?.(model)),
    ...(extra?.[name] as object | undefined),
    id,
    type: 'function',
    function: { name: tool, arguments: given },
  }));
}

const ends: Readonly<Record<string, ModelAnswer['end']>> = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  length: 'length',
  content_filter: 'filtered',
};

/** @throws PolybError failed_precondition/llm_refused, upstream_failed/bad_reply */
export function answerOf(
  { text, refusal, finish, calls, usage }: Joined,
  { toolChoice }: AnswerRequest,
  options: OpenAiOptions,
): ModelAnswer {
  if (refusal !== '') throw refused();
  if (finish === null) throw badReply('The answer of the language model broke off: it has no finish_reason.');
  // DeepSeek: the request was ended for want of resources.
  if (finish === 'insufficient_system_resource')
    throw new PolybError('upstream_failed', 'The language model ran out of resources.', { reason: 'upstream_status' });
  const end = ends[finish];
  if (end === undefined) throw badReply(`The answer of the language model ended for an unknown reason: ${finish.slice(0, 40)}.`);
  const toolCalls = toolChoice === 'none' || end === 'filtered' ? [] : calls.map((call, place) => callOf(call, place, calls, options.name));
  if (text.trim() === '' && toolCalls.length === 0)
    throw end === 'filtered' ? refused() : badReply(`The answer of the language model is empty (${finish}).`);
  return {
    text,
    toolCalls,
    // Gemini ends answers with tool calls by `stop`.
    end: end === 'stop' || end === 'tool_calls' ? (toolCalls.length > 0 ? 'tool_calls' : 'stop') : end,
    model: nameOf(options),
    inputTokens: usage?.prompt_tokens ?? 0,
    outputTokens: usage?.completion_tokens ?? 0,
  };
}
function callOf(
  { id, name: tool, arguments: given, extra }: JoinedCall,
  place: number,
  calls: readonly JoinedCall[],
  provider: string,
): ToolCall {
  if (tool === '') throw badReply('The language model called a tool without a name.');
  const isUnique = id !== '' && calls.findIndex((other) => other.id === id) === place;
  return {
    id: isUnique ? id : `call_${place}_${id}`,
    name: tool,
    // No arguments at all: some providers send them back as an error.
    arguments: given === '' ? '{}' : given,
    ...(Object.keys(extra).length > 0 && { extra: { [provider]: extra } }),
  };
}

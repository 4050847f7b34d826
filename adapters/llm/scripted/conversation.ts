/** What the scripted agent reads in the messages of a request. */
import type { AnswerRequest, ModelMessage } from '../port.ts';
import { Facts, Result } from './facts.ts';

export interface Ran {
  readonly name: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly result: Result;
}
export interface Conversation {
  readonly facts: Facts;
  /** What the customer says in this turn, or the title that they pressed. */
  readonly said: string;
  /** The last reply before this turn. */
  readonly lastReply: string;
  /** Earlier texts of the customer, latest first. */
  readonly before: readonly string[];
  /** Calls since the customer's last text, with their results. */
  readonly ran: readonly Ran[];
  /** Calls of the whole turn. */
  readonly calls: number;
  /** The request asks to write the last reply again. */
  readonly isRepair: boolean;
  readonly has: (tool: string) => boolean;
}

export function conversationOf({ messages, tools, toolChoice, facts: given }: AnswerRequest): Conversation {
  const parsed = Facts.safeParse(given ?? {});
  const facts = parsed.success ? parsed.data : Facts.parse({});
  const names = new Set(toolChoice === 'none' ? [] : tools.map(({ name }) => name));
  const replied = messages.findLastIndex((message) => message.role === 'assistant' && !message.toolCalls?.length);
  const turn = messages.slice(replied + 1);
  const lastUser = turn.findLastIndex(({ role }) => role === 'user');
  const texts = textsOf(turn);
  const earlier = messages.slice(0, replied + 1);
  const last = messages[replied];
  return {
    facts,
    said: texts.join('\n'),
    lastReply: last?.role === 'assistant' ? last.text : '',
    before: textsOf(earlier).reverse(),
    ran: ranIn(turn.slice(lastUser + 1)),
    calls: turn.reduce((count, message) => count + (message.role === 'assistant' ? (message.toolCalls?.length ?? 0) : 0), 0),
    isRepair: /^\[(?:Служебное|Note):/.test(texts.at(-1) ?? ''),
    has: (tool) => names.has(tool),
  };
}
const textsOf = (messages: readonly ModelMessage[]) => messages.flatMap((message) => (message.role === 'user' ? [message.text] : []));

function ranIn(messages: readonly ModelMessage[]): readonly Ran[] {
  const results = new Map(messages.flatMap((message) => (message.role === 'tool' ? [[message.callId, message.text] as const] : [])));
  return messages.flatMap((message) =>
    message.role === 'assistant'
      ? (message.toolCalls ?? []).map((call) => ({
          name: call.name,
          given: objectIn(call.arguments),
          result: Result.safeParse(objectIn(results.get(call.id) ?? '')).data ?? { error: 'failed' },
        }))
      : [],
  );
}
function objectIn(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : { error: 'failed' };
  } catch {
    return { error: 'failed' }; // A result that was cut.
  }
}

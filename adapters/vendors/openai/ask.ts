/**
 * An answer of a given shape, obtained in the most reliable way that the provider supports, then the next: `json_schema`, `json_object`
 * with the schema in the prompt and one repair, a forced tool call.
 */
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { z } from 'zod';
import type { LlmRequest } from '../../llm/port.ts';
import { badReply, type ChatBody, isFormatRefused, refused } from './client.ts';
import { Usage } from './pieces.ts';
import type { Rung } from './providers.ts';

/** The fields that are read; others differ between providers. */
export const Completion = z.object({
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
  usage: Usage,
});
type Completion = z.output<typeof Completion>;
type Complete = (body: ChatBody) => Promise<Completion>;
type AnswerResult<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly why: string; readonly given: string };

/** @param known ways that the provider does not support; a successful answer adds those that it refused */
export async function askInTurn<T>(request: LlmRequest<T>, rungs: readonly Rung[], known: Set<Rung>, complete: Complete): Promise<T> {
  let why = '';
  const refusedNow: Rung[] = [];
  for (const rung of rungs.filter((each) => !known.has(each))) {
    try {
      const tried = await climb[rung](request, complete);
      if (tried.success) {
        // The request was valid, so the provider refused the way.
        for (const each of refusedNow) known.add(each);
        return tried.data;
      }
      why = tried.why;
    } catch (error) {
      if (!isFormatRefused(error)) throw error;
      refusedNow.push(rung);
      why = `it refuses ${rung}`;
    }
  }
  throw badReply(`The language model returned no answer of the expected shape: ${why}.`);
}

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
  if (choice?.finish_reason === 'content_filter' || choice?.message.refusal) throw refused();
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

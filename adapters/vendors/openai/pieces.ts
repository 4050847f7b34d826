/** A reply, joined from the chunks of a stream, or of the one message of a whole completion. */
import { z } from 'zod';
import { badReply } from './client.ts';

export const Usage = z
  .object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
  .nullish()
  .catch(null);
export type Usage = z.output<typeof Usage>;
const Piece = z.looseObject({
  index: z.int().nullish(),
  id: z.string().nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
});
const Message = z.object({ content: z.string().nullish(), refusal: z.string().nullish(), tool_calls: z.array(Piece).nullish() });
export const Chunk = z.object({
  choices: z.array(z.object({ finish_reason: z.string().nullish(), delta: Message.nullish() })).nullish(),
  usage: Usage,
});
export const WholeCompletion = z
  .object({ choices: z.array(z.object({ finish_reason: z.string().nullish(), message: Message })).min(1), usage: Usage })
  .transform(
    ({ choices, usage }): Chunk => ({
      choices: choices.map(({ finish_reason, message }) => {
        const tool_calls = message.tool_calls?.map((call, index) => ({ ...call, index }));
        return { finish_reason, delta: { ...message, tool_calls } };
      }),
      usage,
    }),
  );
export type Chunk = z.output<typeof Chunk>;
type Piece = z.output<typeof Piece>;

export interface JoinedCall {
  readonly index: number | null;
  id: string;
  name: string;
  arguments: string;
  readonly extra: Record<string, unknown>;
}
export interface Joined {
  text: string;
  refusal: string;
  finish: string | null;
  readonly calls: JoinedCall[];
  usage: Usage;
}
const textBytes = 64 * 1024;
const argumentBytes = 16 * 1024;
const callsMost = 10;

/** `add` returns the text of the chunk. @throws PolybError upstream_failed/bad_reply for a reply beyond the limits */
export function joinPieces(): { readonly joined: Joined; add(chunk: Chunk): string } {
  const joined: Joined = { text: '', refusal: '', finish: null, calls: [], usage: null };
  const { calls } = joined;
  let size = 0;

  function callOf({ index = null, id, function: called }: Piece): JoinedCall {
    const known =
      index !== null ? calls.findLast((call) => call.index === index) : id ? calls.find((call) => call.id === id) : calls.at(-1);
    // Gemini numbers every call 0. A piece without any mark continues the last call, unless it names a tool.
    const isOther = known !== undefined && (id ? known.id !== '' && known.id !== id : index === null && Boolean(called?.name));
    if (known !== undefined && !isOther) return known;
    if (calls.length === callsMost) throw badReply(`The language model made more than ${callsMost} tool calls in one answer.`);
    const call: JoinedCall = { index, id: '', name: '', arguments: '', extra: {} };
    calls.push(call);
    return call;
  }
  function addCall(piece: Piece): void {
    const call = callOf(piece);
    const { index: _, id, function: called, type: __, ...extra } = piece;
    call.id ||= id ?? '';
    call.name ||= called?.name ?? '';
    call.arguments += called?.arguments ?? '';
    Object.assign(call.extra, extra);
    if (Buffer.byteLength(call.arguments) > argumentBytes)
      throw badReply(`The language model gave a tool call more than ${argumentBytes} bytes of arguments.`);
  }
  return {
    joined,
    add({ choices, usage }) {
      const [choice] = choices ?? [];
      const { content, refusal, tool_calls } = choice?.delta ?? {};
      joined.usage = usage ?? joined.usage;
      joined.finish = choice?.finish_reason ?? joined.finish;
      joined.refusal += refusal ?? '';
      for (const piece of tool_calls ?? []) addCall(piece);
      size += Buffer.byteLength(content ?? '');
      if (size > textBytes) throw badReply(`The language model answered with more than ${textBytes} bytes of text.`);
      joined.text += content ?? '';
      return content ?? '';
    },
  };
}

/** The used subset of server events of the Realtime API. Source: OpenAI API reference, Realtime server events. */
import { z } from 'zod';

const Id = z.string().max(512);
const Text = z.string().max(1_000_000);
const Call = z.object({ type: z.literal('function_call'), call_id: Id, name: z.string().max(200), arguments: z.string().max(65_536) });
const Message = z.object({ type: z.string().max(64), id: Id.optional() });
const Item = z.union([Call.extend({ id: Id.optional() }), Message]);
const of = <N extends string, S extends z.ZodRawShape>(type: N, shape: S) => z.object({ type: z.literal(type), ...shape });
const transcription = 'conversation.item.input_audio_transcription';

export const ServerEvent = z.discriminatedUnion('type', [
  of('session.created', {}),
  of('session.updated', {}),
  of('input_audio_buffer.speech_started', { item_id: Id, audio_start_ms: z.number().min(0) }),
  of('input_audio_buffer.speech_stopped', { item_id: Id, audio_end_ms: z.number().min(0) }),
  of('input_audio_buffer.committed', { item_id: Id.optional() }),
  of('output_audio_buffer.started', { response_id: Id }),
  of('output_audio_buffer.stopped', { response_id: Id }),
  of('output_audio_buffer.cleared', { response_id: Id }),
  of('input_audio_buffer.dtmf_event_received', { event: z.string().max(1) }),
  of(`${transcription}.delta`, { item_id: Id, delta: Text }),
  of(`${transcription}.completed`, { item_id: Id, transcript: Text }),
  of(`${transcription}.failed`, { item_id: Id }),
  of('response.created', { response: z.object({ id: Id }) }),
  of('response.output_audio.delta', { response_id: Id, item_id: Id, delta: z.string().max(4_000_000) }),
  of('response.output_audio.done', { response_id: Id, item_id: Id }),
  of('response.output_audio_transcript.delta', { response_id: Id, item_id: Id, delta: Text }),
  of('response.output_text.delta', { response_id: Id, item_id: Id, delta: Text }),
  of('response.output_item.done', { response_id: Id, item: Item }),
  of('response.done', {
    response: z.object({
      id: Id,
      status: z.string().max(64).optional(),
      status_details: z.object({ error: z.object({ code: z.string().max(200).nullish() }).nullish() }).nullish(),
      output: z.array(Item).max(100).optional(),
    }),
  }),
  of('error', { error: z.object({ code: z.string().max(200).nullish(), message: z.string().max(10_000).nullish() }) }),
]);
export type ServerEvent = z.output<typeof ServerEvent>;
export type CalledFunction = z.output<typeof Call>;

const known = new Set(ServerEvent.options.map(({ shape }) => shape.type.value as string));

/** @returns null for an event that is not used. @throws TypeError, SyntaxError or ZodError for anything but an event */
export function readEvent(frame: string): ServerEvent | null {
  const parsed: unknown = JSON.parse(frame);
  if (typeof parsed !== 'object' || parsed === null || !('type' in parsed) || typeof parsed.type !== 'string')
    throw new TypeError('a frame without a type');
  return known.has(parsed.type) ? ServerEvent.parse(parsed) : null;
}

/** Schemas of replies. Source: github.com/yandex-cloud/cloudapi, yandex/cloud/ai/stt/v3/stt.proto and tts/v3/tts.proto. */
import { z } from 'zod';
import type { Final } from '../../asr/port.ts';

const Alternative = z.object({
  text: z.string().default(''),
  start_time_ms: z.number().default(0),
  end_time_ms: z.number().default(0),
  confidence: z.number().default(0),
  words: z
    .array(z.object({ text: z.string().default(''), start_time_ms: z.number().default(0), end_time_ms: z.number().default(0) }))
    .default([]),
});
const Alternatives = z.object({ alternatives: z.array(Alternative).default([]) });
export const Response = z.object({
  audio_cursors: z.object({ final_index: z.number().default(0) }).optional(),
  partial: Alternatives.optional(),
  final: Alternatives.optional(),
  final_refinement: z.object({ final_index: z.number().default(0), normalized_text: Alternatives.optional() }).optional(),
  eou_update: z.object({}).optional(),
});
export const Speech = z.object({
  audio_chunk: z.object({ data: z.instanceof(Uint8Array) }).optional(),
  word_timings: z
    .array(z.object({ word: z.string().default(''), start_ms: z.number().default(0), length_ms: z.number().default(0) }))
    .default([]),
});

export const textOf = (update: z.output<typeof Alternatives>): string => update.alternatives[0]?.text.trim() ?? '';
/** The final of an update; null without words. */
export function finalOf(update: z.output<typeof Alternatives>): Final | null {
  const [alternative] = update.alternatives;
  if (alternative === undefined || alternative.text.trim() === '') return null;
  const { words, confidence, text, start_time_ms: startMs, end_time_ms: endMs } = alternative;
  return {
    kind: 'final',
    text: text.trim(),
    // 0 means not measured.
    confidence: confidence > 0 ? Math.min(1, confidence) : null,
    words: words.map((word) => ({ text: word.text, startMs: word.start_time_ms, endMs: word.end_time_ms, confidence: null })),
    startMs: words[0]?.start_time_ms ?? startMs,
    endMs: words.at(-1)?.end_time_ms ?? endMs,
  };
}

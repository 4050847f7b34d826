/** Schemas of replies. Times are seconds. Source: developers.deepgram.com, API reference, Listen v1 and v2. */
import { z } from 'zod';
import type { Final, Word } from '../../asr/port.ts';

const HeardWord = z.object({
  word: z.string(),
  punctuated_word: z.string().optional(),
  start: z.number().optional(),
  end: z.number().optional(),
  confidence: z.number().optional(),
});
type HeardWord = z.output<typeof HeardWord>;
const Alternative = z.object({ transcript: z.string(), confidence: z.number().optional(), words: z.array(HeardWord).default([]) });

/** A message of live recognition. */
export const Results = z.object({
  type: z.literal('Results'),
  start: z.number(),
  duration: z.number(),
  is_final: z.boolean().default(false),
  from_finalize: z.boolean().default(false),
  channel: z.object({ alternatives: z.array(Alternative).min(1) }),
});
/** The last message of a connection. */
export const Metadata = z.object({ type: z.literal('Metadata') });
export const TurnInfo = z.object({
  type: z.literal('TurnInfo'),
  event: z.string(),
  end_of_turn_confidence: z.number().min(0).max(1).optional(),
  audio_window_end: z.number(),
  transcript: z.string(),
  words: z.array(HeardWord).default([]),
});
/** The reply for a recording that was sent with `utterances`. */
export const Recording = z.object({
  results: z.object({
    utterances: z.array(Alternative.extend({ start: z.number(), end: z.number() })).default([]),
  }),
});

/** @param fromMs @param toMs the range of audio with the text; words give more exact times */
export function finalOf(
  {
    transcript,
    confidence,
    words,
  }: { readonly transcript: string; readonly confidence?: number | undefined; readonly words: readonly HeardWord[] },
  fromMs: number,
  toMs: number,
): Final {
  const timed = words.flatMap(({ word, punctuated_word: text = word, start, end, confidence: sure = null }): Word[] =>
    start === undefined || end === undefined ? [] : [{ text, startMs: msOf(start), endMs: msOf(end), confidence: sure }],
  );
  return {
    kind: 'final',
    text: transcript,
    confidence: confidence ?? meanOf(timed.flatMap((word) => word.confidence ?? [])),
    words: timed,
    startMs: timed[0]?.startMs ?? fromMs,
    endMs: timed.at(-1)?.endMs ?? toMs,
  };
}
export const msOf = (seconds: number): number => Math.max(0, Math.round(seconds * 1_000));

function meanOf(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
